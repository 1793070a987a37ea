import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { startChokidar } from '../src/adapters/chokidar-watcher.ts';
import { startFolderWatcher } from '../src/adapters/folder-watcher.ts';
import type { Territory } from '../src/adapters/territory.ts';
import type { Watcher } from '../src/adapters/watcher.ts';

const territoryOf = (root: string): Territory => ({
  roots: [root],
  sources: [],
  sourceOf: () => undefined,
  enters: (path) => !path.includes('left-out'),
  rootOf: () => root,
  checksOf: () => ({ source: 'lab', json: false, conversation: false }),
  isCanary: () => false,
  settleMs: () => 0,
});

/** What the watcher hinted at since the last `forget`, as paths below the root. */
class Hints {
  readonly #seen = new Set<string>();
  readonly root: string;
  readonly gaps: string[] = [];

  constructor(root: string) {
    this.root = root;
  }

  readonly handlers = {
    onHint: (path: string) => void this.#seen.add(path),
    onGap: (reason: string, detail: string) => void this.gaps.push(`${reason}: ${detail}`),
  };

  forget(): void {
    this.#seen.clear();
  }

  async has(...names: string[]): Promise<void> {
    const wanted = names.map((name) => join(this.root, name));
    await eventually(() => wanted.every((path) => this.#seen.has(path)), {
      what: `hinted at ${names.filter((name) => !this.#seen.has(join(this.root, name)))}`,
    });
  }

  hasAny(part: string): boolean {
    return [...this.#seen].some((path) => path.includes(part));
  }
}

async function watchingWith(
  start: typeof startFolderWatcher,
  work: (root: string, hints: Hints) => Promise<void>,
  prepare: string[] = [],
) {
  using folder = tempDir();
  for (const name of prepare) mkdirSync(join(folder.path, name), { recursive: true });
  const hints = new Hints(folder.path);
  const watcher: Watcher = await start(territoryOf(folder.path), hints.handlers);
  try {
    await work(folder.path, hints);
  } finally {
    await watcher[Symbol.asyncDispose]();
  }
}

describe.each([
  ['one watch a folder', startFolderWatcher],
  ['chokidar', startChokidar],
])('%s', (_name, start) => {
  const watching = (work: (root: string, hints: Hints) => Promise<void>, prepare?: string[]) =>
    watchingWith(start, work, prepare);

  test('tells of files that come, change and go, in folders of any depth', () =>
    watching(
      async (root, hints) => {
        for (const name of ['a', 'x/y/z/b']) {
          writeFileSync(join(root, name), '1');
          await hints.has(name);
          hints.forget();
          writeFileSync(join(root, name), '22');
          await hints.has(name);
          hints.forget();
          unlinkSync(join(root, name));
          await hints.has(name);
        }
        expect(hints.gaps).toEqual([]);
        expect(hints.gaps).toEqual([]);
      },
      ['x/y/z'],
    ));

  test('watches a folder that comes into being, also one that is moved in, renamed or made anew', () =>
    watching(async (root, hints) => {
      using outside = tempDir();
      mkdirSync(join(outside.path, 'tree/deep/er'), { recursive: true });
      mkdirSync(join(root, 'new/one'), { recursive: true });
      await hints.has('new');
      await eventually(() => {
        writeFileSync(join(root, 'new/one/f'), '1');
        return hints.hasAny('new/one/f');
      });
      for (const name of ['moved', 'renamed']) {
        if (name === 'moved') spawnSync('mv', [join(outside.path, 'tree'), join(root, name)]);
        else renameSync(join(root, 'moved'), join(root, name));
        await hints.has(name);
        await eventually(() => {
          writeFileSync(join(root, name, 'deep/er/f'), String(Math.random()));
          return hints.hasAny(`${name}/deep/er/f`);
        });
      }
      rmSync(join(root, 'renamed'), { recursive: true });
      mkdirSync(join(root, 'renamed'));
      await eventually(() => {
        writeFileSync(join(root, 'renamed/g'), String(Math.random()));
        return hints.hasAny('renamed/g');
      });
      expect(hints.gaps).toEqual([]);
    }));

  test('leaves alone what is not to be entered', () =>
    watching(
      async (root, hints) => {
        writeFileSync(join(root, 'left-out/f'), '1');
        writeFileSync(join(root, 'a'), '1');
        await hints.has('a');
        expect(hints.hasAny('left-out/f')).toBe(false);
      },
      ['left-out'],
    ));
});

// chokidar takes up such a folder's watch anew and cannot promise it: docs/decisions/0004.
test('one watch a folder leaves no deletion out while the times of the folder are set', () =>
  watchingWith(startFolderWatcher, async (root, hints) => {
    const names = Array.from({ length: 400 }, (_, index) => `f${index}`);
    for (const name of names) writeFileSync(join(root, name), '1');
    await hints.has(...names);
    hints.forget();
    for (const [index, name] of names.entries()) {
      unlinkSync(join(root, name));
      if (index % 3 === 0) utimesSync(root, 1, index);
      await nextTurn();
    }
    await hints.has(...names);
    expect(names.filter((name) => !hints.hasAny(name))).toEqual([]);
  }));
