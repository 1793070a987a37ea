import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openOrCreate } from '../src/repository-key.ts';
import { makeScratch, noise, problemsOf, requestOf } from './support.ts';

const engine = new URL('../src/repository-key.ts', import.meta.url).href;

describe('a backup that is killed', () => {
  test('leaves a sound repository, and every snapshot that was reported', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    mkdirSync(root);
    for (let n = 0; n < 300; n += 1) scratch.write(`source/${n % 7}/${n}`, noise(n, 20_000));
    const local = { location: join(scratch.path, 'repository'), key_file: join(scratch.path, 'key') };
    const script = `
      const { openOrCreate } = await import(${JSON.stringify(engine)});
      const { appendFileSync } = await import('node:fs');
      const repository = await openOrCreate(${JSON.stringify(local)});
      process.stdout.write('begun ');
      for (let n = 0; ; n += 1) {
        for (let k = 0; k < 40; k += 1) appendFileSync(${JSON.stringify(root)} + '/' + (k % 7) + '/' + k, 'more' + n);
        const { snapshot } = await repository.backup({ host: 'h', source: 's', roots: [${JSON.stringify(root)}], metadata: () => ({}) });
        process.stdout.write(snapshot.id + ' ');
      }`;
    const reported: string[] = [];
    for (const [snapshots, wait_ms] of [
      [0, 0],
      [0, 120],
      [1, 0],
      [2, 60],
    ] as const) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      let is_killed = false;
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (is_killed || output.split(' ').length - 2 < snapshots) return;
        is_killed = true;
        setTimeout(() => child.kill('SIGKILL'), wait_ms);
      });
      expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
      reported.push(...output.split(' ').filter((word) => /^[0-9a-f]{32}$/.test(word)));
    }
    expect(reported.length).toBeGreaterThan(2);
    await using repository = await openOrCreate(local);
    expect(await problemsOf(repository)).toEqual([]);
    const standing = (await repository.snapshots()).map(({ id }) => id);
    expect(standing).toEqual(expect.arrayContaining(reported));
    const { stats } = await repository.backup(requestOf(root));
    expect(stats).toMatchObject({ files: 300, unreadable: [] });
    const target = join(scratch.path, 'target');
    expect(await repository.restore({ snapshot_id: 'latest', target })).toMatchObject({
      files: 300,
      failed: [],
    });
    expect(readdirSync(join(target, root))).toHaveLength(7);
  });
});
