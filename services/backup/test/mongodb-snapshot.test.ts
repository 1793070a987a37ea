import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { RestoreDatabaseResult, RestoreResult } from '@holdfast/contracts/http/backup';
import { startTestMongo, whyNoMongo } from '@holdfast/testkit/mongo';
import { expect, test } from '@jest/globals';
import { boot, place } from './support/booted.ts';
import { openRealRepository, type PassHook, watchPasses } from './support/real-repository.ts';

const why_not = whyNoMongo();

/**
 * Writes numbers into the database first and into the file then, so the file is one behind at most. It writes twice
 * whenever a pass over the files is through: each moment but the last is spoiled, and the first pass that found the file
 * unchanged is followed by more. So what is not as of the moment of both is ahead or behind by two at least.
 */
function writerBetweenPasses(set: (n: number) => Promise<unknown>, file: string): PassHook {
  let n = 0;
  return async (_source, { number, changed }) => {
    if (number > 2 && changed > 0) return;
    for (let twice = 0; twice < 2; twice += 1) {
      n += 1;
      await set(n);
      writeFileSync(file, String(n));
    }
  };
}

(why_not === undefined ? test : test.skip)(
  'a snapshot of a database and of files that belong to it is one moment of both',
  async () => {
    using at = place();
    await using mongo = await startTestMongo();
    const counter = mongo.client.db('bmc').collection<{ _id: number; n: number }>('counter');
    const file = at.write('counter', '0');
    await counter.insertOne({ _id: 1, n: 0 });
    await using repository = await openRealRepository(at);
    const onPass = writerBetweenPasses((n) => counter.updateOne({ _id: 1 }, { $set: { n } }), file);
    await using backup = await boot(at, {
      repository: watchPasses(repository, onPass),
      sources: {
        files: { root: at.root, backup_frequency: 'monthly' },
        database: { mongodb_url: mongo.url, database: 'bmc' },
      },
    });
    await backup.created(2);
    for (let round = 0; round < 3; round += 1) {
      const wish = { type: 'snapshot', wait: true };
      const { items: made } = (await backup.call<{ items: BackupManifest[] }>('POST', '/api/backup', wish))
        .body;
      const [files, database] = ['files', 'database'].map((name) =>
        made.find(({ sources }) => sources[0]?.source === name),
      );
      expect(files?.moment).toMatchObject({ settled: true, how: 'unchanged_files', cluster_time: null });
      expect(database?.moment).toMatchObject({ how: 'cluster_time', at: files?.moment?.at });
      const target_path = join(at.root, '..', `restored-${round}`);
      const group = files?.moment?.group_id;
      const put = await backup.call<RestoreResult>('POST', '/api/backup/restore', {
        backup_id: group,
        target_path,
      });
      const { cluster_time } = database?.moment ?? {};
      expect(put.body.databases).toEqual([
        { backup_id: database?.backup_id, source: 'database', cluster_time },
      ]);
      expect(existsSync(join(target_path, at.data_dir))).toBe(false);
      const target_database = `bmc_${round}`;
      const back = await backup.call<RestoreDatabaseResult>('POST', '/api/backup/restore-database', {
        backup_id: database?.backup_id,
        target_database,
      });
      expect(back.status).toBe(200);
      const restored = mongo.client.db(target_database).collection<{ _id: number; n: number }>('counter');
      const n = (await restored.findOne({ _id: 1 }))?.n ?? Number.NaN;
      const in_file = Number(readFileSync(join(target_path, file), 'utf8'));
      expect([n, n - 1]).toContain(in_file);
    }
  },
  120_000,
);
