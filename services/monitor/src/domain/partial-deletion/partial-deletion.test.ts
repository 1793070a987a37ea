import { expect, test } from '@jest/globals';
import { addLoss, depletedFolders, suspectFolders, type Toll } from './partial-deletion.ts';

function tollOf(counts: Record<string, number>): Toll {
  let toll: Toll | undefined;
  for (const [folder, files] of Object.entries(counts)) {
    for (let index = 0; index < files; index += 1) {
      const path = `${folder}/${index}`;
      toll = addLoss(toll, { path, source: 'a', size: 2, root: '/r', now_ms: index });
    }
  }
  if (toll === undefined) throw new Error('no loss');
  return toll;
}
const told = (toll: Toll, known: Record<string, number>) =>
  depletedFolders(
    toll,
    suspectFolders(toll).map((folder) => ({ folder, files_known: known[folder] ?? 0 })),
  ).map(({ folder, files_lost, files_known }) => [folder, files_lost, files_known]);

test('a folder that lost more than half of its files is named, not what lies below it', () => {
  const toll = tollOf({ '/r/data/a': 60, '/r/data/b': 40, '/r/x': 3 });
  expect([toll.files, toll.bytes]).toEqual([103, 206]);
  expect(told(toll, { '/r': 1000, '/r/data': 150, '/r/data/a': 60, '/r/data/b': 45 })).toEqual([
    ['/r/data', 100, 150],
  ]);
  expect(told(toll, { '/r': 1000, '/r/data': 200, '/r/data/a': 60, '/r/data/b': 80 })).toEqual([
    ['/r/data/a', 60, 60],
  ]);
  expect(told(toll, { '/r': 120, '/r/data': 100, '/r/data/a': 60, '/r/data/b': 40 })).toEqual([
    ['/r', 103, 120],
  ]);
});

test('where all of it went from one folder, that one is named and not what holds it', () => {
  const toll = tollOf({ '/r/kb': 22 });
  expect(told(toll, { '/r': 31, '/r/kb': 30 })).toEqual([['/r/kb', 22, 30]]);
});

test('a few files are no partial deletion, nor are many of very many', () => {
  expect(suspectFolders(tollOf({ '/r/a': 9 }))).toEqual([]);
  expect(told(tollOf({ '/r/a': 500 }), { '/r': 100_000, '/r/a': 1000 })).toEqual([]);
});
