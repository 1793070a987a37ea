import {
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { initRepository, openRepository } from '@holdfast/repository/open';
import { createLocalStore } from '@holdfast/storage/local';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { describe, expect, test } from '@jest/globals';
import {
  type Golden,
  goldenRepositories,
  isSecondReaderThere,
  runSecondReader,
  secretArguments,
  secretOf,
} from '../support/second-reader.ts';
import { factsOf, forThisUser } from '../support/tree-facts.ts';

const goldens = goldenRepositories();
const isMissing = !isSecondReaderThere() && process.env.CI !== 'true';
const testSecondReader = isMissing ? test.skip : test;

function expectRestored(golden: Golden, snapshot_id: string, target: string): void {
  const paths = { ...golden.snapshots[snapshot_id]?.paths };
  const [root = ''] = Object.keys(paths);
  expect(forThisUser(factsOf(`${target}${root}`, target))).toEqual(forThisUser(paths));
}

function goldenNamed(name: string): Golden {
  const found = goldens.find((golden) => golden.name === name);
  if (found === undefined) throw new Error(`there is no golden repository ${name}`);
  return found;
}

/** A golden repository's copy that `damage` may be done to. */
function copyOf(golden: Golden, folder: string): string {
  const copy = join(folder, 'copy');
  cpSync(golden.repository, copy, { recursive: true });
  return copy;
}

describe.each(goldens)('the golden repository $name', (golden) => {
  test('is restored by the engine', async () => {
    const store = createLocalStore(golden.repository);
    for (const opens of golden.opens) {
      await using repository = await openRepository(store, await secretOf(golden, opens));
      const snapshots = await repository.snapshots();
      expect(snapshots.map(({ id }) => id).sort()).toEqual(Object.keys(golden.snapshots).sort());
      const problems: unknown[] = [];
      await repository.check({ read_data: true, on_problem: (problem) => problems.push(problem) });
      expect(problems).toEqual([]);
      for (const { id } of snapshots) {
        using target = tempDir();
        await repository.restore({ snapshot_id: id, target: target.path });
        expectRestored(golden, id, target.path);
      }
    }
  });

  testSecondReader('is restored by a reader that knows the page only', async () => {
    for (const opens of golden.opens) {
      const secret = secretArguments(golden, opens);
      const { stdout, stderr } = await runSecondReader(['snapshots', golden.repository, ...secret]);
      expect(stderr).toBe('');
      expect(Object.keys(JSON.parse(stdout)).sort()).toEqual(Object.keys(golden.snapshots).sort());
      for (const id of Object.keys(golden.snapshots)) {
        using target = tempDir();
        const result = await runSecondReader(['restore', golden.repository, ...secret, id, target.path]);
        expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
        expectRestored(golden, id, target.path);
      }
    }
  });
});

describe('an old repository that goes on with this version', () => {
  test.each(['history', 'maintained'])(
    '%s: what it held and what is added lie side by side',
    async (name) => {
      const golden = goldenNamed(name);
      const [opens = 'key'] = golden.opens;
      using scratch = tempDir();
      const copy = copyOf(golden, scratch.path);
      const root = join(scratch.path, 'files');
      mkdirSync(root);
      for (let n = 0; n < 40; n += 1) writeFileSync(join(root, `${n}.json`), `{"n":${n}}`);
      const snapshots: Record<string, Golden['snapshots'][string]> = { ...golden.snapshots };
      await using repository = await openRepository(createLocalStore(copy), await secretOf(golden, opens));
      for (const round of [1, 2]) {
        writeFileSync(join(root, 'changing'), `round ${round}`);
        const request = { host: 'host-a', source: 'added', roots: [root], metadata: () => ({}) };
        const { snapshot } = await repository.backup(request);
        snapshots[snapshot.id] = { paths: factsOf(root) };
      }
      await repository.prune({ limits: { waste_max: 0 } });
      const problems: unknown[] = [];
      await repository.check({ read_data: true, on_problem: (problem) => problems.push(problem) });
      expect(problems).toEqual([]);
      for (const id of Object.keys(snapshots)) {
        using target = tempDir();
        await repository.restore({ snapshot_id: id, target: target.path });
        expectRestored({ ...golden, snapshots }, id, target.path);
        if (isMissing) continue;
        using second = tempDir();
        const result = await runSecondReader([
          'restore',
          copy,
          ...secretArguments(golden, opens),
          id,
          second.path,
        ]);
        expect(result).toMatchObject({ code: 0, stderr: '' });
        expectRestored({ ...golden, snapshots }, id, second.path);
      }
    },
  );
});

describe('the second reader', () => {
  testSecondReader('needs no index object: the footers hold the same', async () => {
    const golden = goldenNamed('odd-tree');
    using scratch = tempDir();
    const copy = copyOf(golden, scratch.path);
    rmSync(join(copy, 'indexes'), { recursive: true });
    const [id = ''] = Object.keys(golden.snapshots);
    const target = join(scratch.path, 'target');
    const secret = secretArguments(golden, 'key');
    expect(await runSecondReader(['restore', copy, ...secret, id, target])).toMatchObject({ code: 0 });
    expectRestored(golden, id, target);
  });

  testSecondReader('links no names of one inode that are from different times', async () => {
    using scratch = tempDir();
    const [root, folder] = [join(scratch.path, 'source'), join(scratch.path, 'repository')];
    mkdirSync(root);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(root, name)) as [string, string, string];
    writeFileSync(a, 'old');
    for (const name of [b, c]) linkSync(a, name);
    const password = join(scratch.path, 'password');
    writeFileSync(password, 'a password');
    const secret = { password: 'a password' };
    await using repository = await initRepository(createLocalStore(folder), secret, { rounds: 1000 });
    const request = { host: 'h', source: 's', roots: [root], metadata: () => ({}) };
    await repository.backup(request);
    writeFileSync(a, 'newer');
    const { snapshot } = await repository.backup({ ...request, changes: [b, c] });
    const target = join(scratch.path, 'target');
    const args = ['restore', folder, '--password-file', password, snapshot.id, target];
    expect(await runSecondReader(args)).toEqual({ code: 0, stdout: '', stderr: '' });
    const restored = [a, b, c].map((path) => join(target, path));
    expect(restored.map((path) => readFileSync(path, 'utf8'))).toEqual(['old', 'newer', 'newer']);
    expect(restored.map((path) => statSync(path).nlink)).toEqual([1, 2, 2]);
  });

  testSecondReader('refuses what it does not know and what was changed, with one line', async () => {
    const golden = goldenNamed('odd-tree');
    using scratch = tempDir();
    const copy = copyOf(golden, scratch.path);
    const secret = secretArguments(golden, 'key');
    const config = JSON.parse(readFileSync(join(copy, 'config'), 'utf8'));
    const refusal = async (change: object) => {
      writeFileSync(join(copy, 'config'), JSON.stringify({ ...config, ...change }));
      const { code, stderr } = await runSecondReader(['snapshots', copy, ...secret]);
      return [code, stderr];
    };
    expect(await refusal({ version: 2 })).toEqual([1, 'read_repository: format version 2 is not known\n']);
    expect(await refusal({ features: ['time-travel'] })).toEqual([
      1,
      'read_repository: features time-travel are not known\n',
    ]);
    expect(await refusal({ created: 'never' })).toEqual([
      1,
      'read_repository: config: it was changed since the repository was made\n',
    ]);
    const [snapshot = ''] = readdirSync(join(copy, 'snapshots'));
    const object = readFileSync(join(copy, 'snapshots', snapshot));
    object[60] = (object[60] as number) ^ 1;
    writeFileSync(join(copy, 'snapshots', snapshot), object);
    expect(await refusal({})).toEqual([1, `read_repository: snapshots/${snapshot}: damaged\n`]);
  });
});
