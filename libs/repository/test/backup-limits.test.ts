import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { engineOf } from '../src/engine-of.ts';
import { runBackup } from '../src/write/backup.ts';
import type { BackupLimits } from '../src/write/read-pass.ts';
import { makeRepository, makeScratch, noise, requestOf } from './support.ts';

const amount = fc.record({ files: fc.integer({ min: 1, max: 5 }), bytes: fc.integer({ min: 1, max: 400 }) });
const limits: fc.Arbitrary<BackupLimits> = fc.record({
  direct: amount,
  batch: amount,
  outstanding_max: fc.integer({ min: 1, max: 6 }),
  waiting_max: fc.integer({ min: 0, max: 6 }),
});
/** Of each file: what becomes of it, and how large it is then. */
const changes = fc.array(
  fc.tuple(
    fc.constantFrom('stays', 'stays', 'stays', 'changes', 'goes', 'comes'),
    fc.integer({ min: 0, max: 300 }),
  ),
  { maxLength: 600 },
);

/** What else only a tree of many thousand files meets: something must always be under way while somebody waits. */
test('a walk ends, with the tree that a first backup would make, however little it may do at once', async () => {
  const { repository } = await makeRepository();
  await using _ = repository;
  const engine = engineOf(repository);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(limits, changes, async (small, files) => {
      using scratch = makeScratch();
      round += 1;
      const root = join(scratch.path, 'source');
      const request = requestOf(root, { source: `round ${round}` });
      scratch.write('source/first', '');
      const name = (at: number) => `source/${String(at).padStart(4, '0')}`;
      for (const [at, [fate]] of files.entries()) if (fate !== 'comes') scratch.write(name(at), `file ${at}`);
      // A backup trusts no file that is as new as the one before: this one is taken later than all were made.
      using later = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000);
      await runBackup(engine, request, small);
      expect(later).toHaveBeenCalled();
      for (const [at, [fate, size]] of files.entries()) {
        if (fate === 'goes') rmSync(join(scratch.path, name(at)));
        else if (fate !== 'stays') scratch.write(name(at), noise(round * 1000 + at, size));
      }
      const { stats } = await runBackup(engine, request, small);
      const count = (wanted: string) => files.filter(([fate]) => fate === wanted).length;
      expect(stats).toMatchObject({
        files_new: count('comes'),
        files_changed: count('changes'),
        files_removed: count('goes'),
      });
      const again = await runBackup(engine, { ...request, source: `again ${round}`, parent: null });
      expect(stats.tree).toBe(again.stats.tree);
    }),
    { numRuns: 25 },
  );
});

test('a file that says that it is empty is read until its end', async () => {
  const { repository } = await makeRepository();
  await using _ = repository;
  const { snapshot, stats } = await repository.backup(requestOf('/proc/version'));
  expect(statSync('/proc/version').size).toBe(0);
  expect(stats).toMatchObject({ unreadable: [], unsteady: [] });
  expect(snapshot.bytes).toBe(readFileSync('/proc/version').length);
});
