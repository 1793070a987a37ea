import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { SourceConfig } from '@holdfast/contracts/config';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { commandName, runCommand } from '../src/adapters/hooks/run-command.ts';
import { boot, facts, type Place, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

let at: Place;

beforeEach(() => {
  at = place();
  at.write('a.json', '{"a":1}');
});
afterEach(() => at[Symbol.dispose]());

const started = (hooks: object, more: Partial<SourceConfig> = {}) => {
  const repository = memoryRepository();
  const source = { root: at.root, hooks, ...more } as Partial<SourceConfig>;
  return boot(at, { repository, sources: { bmc: source } });
};
const LOG =
  '$HOLDFAST_HOOK $HOLDFAST_OUTCOME $HOLDFAST_SOURCE $HOLDFAST_BACKUP_TYPE $HOLDFAST_REASON $HOLDFAST_ATTEMPT';
const logged = () => readFileSync(join(at.root, '../hooks.log'), 'utf8').trim().split('\n');
const note = `echo ${LOG} >> ../hooks.log`;

describe('hooks', () => {
  test('the time of a backup is when reading began: what a pre hook took is before it', async () => {
    await using backup = await started({ pre: [{ run: 'date +%s%3N > ../ended' }], post: [] });
    const [manifest] = await backup.created(1);
    const ended_ms = Number(readFileSync(join(at.root, '../ended'), 'utf8'));
    expect(Date.parse(manifest?.timestamp ?? '')).toBeGreaterThanOrEqual(ended_ms);
  });

  test('what a pre hook writes is in the backup; post hooks learn how it ended; both are told what it is', async () => {
    const pre = [
      {
        run: 'echo dumped > dump.sql; echo "$HOLDFAST_HOST $PGPASSWORD" >> dump.sql',
        env: { PGPASSWORD: 'geheim' },
      },
    ];
    const post = [{ run: note }, { run: note, when: 'failure' }, { run: note, when: 'success' }];
    await using backup = await started({ pre: [...pre, { run: note }], post });
    const [manifest] = await backup.created(1);
    expect(manifest).toMatchObject({
      files_new: 2,
      hooks: [
        { name: 'echo', exit_code: 0 },
        { name: 'echo', exit_code: 0 },
      ],
    });
    await eventually(() => logged().length === 3);
    expect(logged()).toEqual(['pre bmc full first 1', ...Array(2).fill('post success bmc full first 1')]);
    expect(readFileSync(join(at.root, 'dump.sql'), 'utf8')).toBe('dumped\nweb1 geheim\n');
  });

  test('a pre hook that fails is no backup, named with its exit code and not with its arguments', async () => {
    const pre = [{ run: ['/bin/sh', '-c', 'exit 3', 'a secret'], name: 'dump the shop' }];
    await using backup = await started({ pre, post: [{ run: note, when: 'failure' }] });
    const [failed] = await eventually(async () => {
      const told = await backup.told('BackupFailed');
      return told.length > 0 && told;
    });
    expect(failed?.data.error).toEqual({
      code: 'hook_failed',
      message: 'the pre hook dump the shop failed: exit code 3',
    });
    expect(await backup.told('BackupCreated')).toEqual([]);
    await eventually(() => existsSync(join(at.root, '../hooks.log')));
    expect(logged()[0]).toBe('post failure bmc full first 1');
  });

  test('one that may fail is noted in the manifest', async () => {
    await using backup = await started({ pre: [{ run: 'exit 7', name: 'flush', on_error: 'continue' }] });
    const [manifest] = await backup.created(1);
    expect(manifest?.hooks).toMatchObject([{ name: 'flush', exit_code: 7 }]);
  });

  test('a post hook that fails leaves the backup as it is', async () => {
    await using backup = await started({ post: [{ run: 'exit 1' }] });
    const { status } = await backup.call<BackupManifest>('POST', '/api/backup', { wait: true });
    expect(status).toBe(201);
    expect(await backup.told('BackupFailed')).toEqual([]);
  });

  test('backups that an edit starts have none', async () => {
    await using backup = await started({ pre: [{ run: note }] }, { priority: 'critical' });
    await backup.created(1);
    const path = at.write('a.json', '{"a":2}');
    await backup.tell('FileModified', facts(path), path);
    const [, second] = await backup.created(2);
    expect(second?.reason).toBe('on_change');
    expect(second?.hooks).toBeUndefined();
    expect(logged()).toHaveLength(1);
  });
});

describe('after a kill', () => {
  const hooks = { pre: [{ run: note }], post: [{ run: note }] };
  const stopped = async (step: 'onCommitted' | 'onBackup') => {
    const [events, repository] = [createMemoryStore(), memoryRepository()];
    const [reached, dead] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    repository[step] = () => {
      reached.resolve();
      return dead.promise;
    };
    const options = {
      events,
      repository,
      sources: { bmc: { root: at.root, hooks } as Partial<SourceConfig> },
    };
    const first = await boot(at, options);
    await reached.promise;
    repository[step] = () => undefined;
    // The process is gone: nothing of it is closed, and nothing of it goes on.
    return {
      again: (sources: Record<string, Partial<SourceConfig>> = options.sources) =>
        boot(at, { ...options, sources }),
      [Symbol.asyncDispose]: async () => {
        dead.reject(new Error('the end of the test'));
        await first[Symbol.asyncDispose]();
      },
    };
  };

  test('between the commit of a backup and its note its post hooks run at the next start, once', async () => {
    await using killed = await stopped('onCommitted');
    for (let start = 0; start < 2; start += 1) {
      await using backup = await killed.again();
      await backup.created(1);
      await eventually(() => logged().length === 2);
    }
    expect(logged()).toEqual(['pre bmc full first 1', 'post success bmc full first 1']);
  });

  test('of a backup that is made they run before it is made again', async () => {
    await using killed = await stopped('onBackup');
    await using backup = await killed.again();
    await backup.created(1);
    await eventually(() => logged().length === 4);
    expect(logged()).toEqual([
      ...['pre bmc full first 1', 'post failure bmc full first 1'],
      ...['pre bmc full first 2', 'post success bmc full first 2'],
    ]);
  });

  test('those of a source that is not configured any more are not waited for', async () => {
    await using killed = await stopped('onBackup');
    await using backup = await killed.again({ other: { root: at.root } });
    const [manifest] = await backup.created(1);
    expect(manifest?.sources[0]?.source).toBe('other');
    expect(logged()).toEqual(['pre bmc full first 1']);
  });
});

describe('a command', () => {
  const base = { working_folder: '/', env: {}, timeout_ms: 10_000 };

  test('gets no environment of ours but what every program needs', async () => {
    process.env['HOLDFAST_TEST_SECRET'] = 'geheim';
    const { output, exit_code } = await runCommand({ ...base, run: ['env'], env: { GIVEN: '1' } });
    expect(exit_code).toBe(0);
    expect(output).toContain('GIVEN=1');
    expect(output).toContain('PATH=');
    expect(output).not.toContain('geheim');
  });

  test('that takes too long is ended with all that it started', async () => {
    const run = `sleep 600 & echo $! > ${at.root}/pid; wait`;
    const { exit_code, problem } = await runCommand({ ...base, run, timeout_ms: 300 });
    expect([exit_code, problem]).toEqual([null, 'it was ended after 300 ms']);
    const pid = readFileSync(join(at.root, 'pid'), 'utf8').trim();
    await eventually(
      () => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '),
    );
  });

  test('that does not listen is made to end', async () => {
    const ending = new AbortController();
    const run = `trap '' TERM; echo > ${at.root}/began; while :; do sleep 1; done`;
    const running = runCommand({ ...base, run, signal: ending.signal });
    await eventually(() => existsSync(join(at.root, 'began')));
    ending.abort();
    expect(await running).toMatchObject({ exit_code: null, problem: 'it was ended, as the service stops' });
  }, 15_000);

  test('keeps the end of what it says, and is not waited for by what it leaves running', async () => {
    const run = 'for i in $(seq 5000); do echo line $i; done; sleep 300 & exit 4';
    const { output, problem, duration_ms } = await runCommand({ ...base, run });
    expect(problem).toBe('exit code 4');
    expect(output.length).toBeLessThanOrEqual(4096);
    expect(output.trimEnd().endsWith('line 5000')).toBe(true);
    expect(duration_ms).toBeLessThan(5_000);
  });

  test('that is not there, or whose folder is not, is a problem and no crash', async () => {
    expect((await runCommand({ ...base, run: ['/no/such/program'] })).problem).toContain('ENOENT');
    expect((await runCommand({ ...base, run: 'true', working_folder: '/no/such' })).problem).toContain(
      'ENOENT',
    );
    expect((await runCommand({ ...base, run: ['true\0'] })).problem).toContain('did not start');
  });

  test('shows nothing of a secret, also not the rest of one whose beginning is cut off', async () => {
    const secret = `geheim${'0123456789'.repeat(20)}`;
    const run = 'printf "%s" "$SECRET"; head -c 4000 /dev/zero | tr "\\0" x';
    for (const again of ['', '; printf "%s" "$SECRET$SECRET"']) {
      const request = { ...base, run: run + again, env: { SECRET: secret }, secrets: [secret, 'x'] };
      const { output } = await runCommand(request);
      expect(output).toContain('xxx');
      expect(output.replaceAll(/[x…]/g, '')).toBe('');
    }
  });

  test('is called by its program', () => {
    for (const run of [
      "MYPW='hunter two' sh",
      'PW="a b" x',
      'PW=a\\ b x',
      '(PW=a; x)',
      'PW=a;x b',
      'PW=$(a b) x',
    ])
      expect(commandName(run)).toBe('sh');
    expect(commandName('PGPASSWORD=geheim /usr/bin/pg_dump -U x')).toBe('pg_dump');
    expect(commandName(['/usr/bin/mysqldump', '--password=geheim'])).toBe('mysqldump');
  });
});
