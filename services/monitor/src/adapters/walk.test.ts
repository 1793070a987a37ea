import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { HoldfastConfig } from '@holdfast/contracts/config';
import { openDatabase } from '@holdfast/runtime/sqlite';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { describe, expect, test } from '@jest/globals';
import { look } from './file-stat.ts';
import { createFileRegistry } from './registry.ts';
import { REGISTRY_MIGRATIONS } from './registry-schema.ts';
import { createTerritory } from './territory.ts';
import { walk } from './walk.ts';

/** A folder with files and a registry that knows them all. */
class Place implements Disposable {
  readonly #temp = tempDir();
  readonly root = join(this.#temp.path, 'root');
  readonly #file = join(this.#temp.path, 'registry.sqlite');
  readonly #db: DatabaseSync;

  constructor(files: readonly string[]) {
    this.#db = openDatabase(this.#file, REGISTRY_MIGRATIONS);
    const registry = createFileRegistry(this.#db);
    for (const name of files) {
      const path = join(this.root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, name);
      const found = look(path);
      if (found.kind !== 'file') throw new Error('was just written');
      const facts = { ...found.stat, checksum: 'sha256:' };
      registry.apply({ put: [{ path, source: 's', version: 1, facts, state: 'present' }], remove: [] });
    }
  }

  async differences(depth: 'names' | 'stat', source: Record<string, unknown> = {}): Promise<string[]> {
    const sources = { s: { root: this.root, ...source } };
    const config = HoldfastConfig.parse({ host: 'h', sources });
    const territory = createTerritory({ config, base_dir: '/', data_dir: '/nowhere' });
    const found: string[] = [];
    await walk(
      { database: this.#file, folders: [this.root], depth },
      territory,
      async (part) => void found.push(...part),
    );
    return found.map((path) => path.slice(this.root.length + 1)).sort();
  }

  [Symbol.dispose]() {
    this.#db.close();
    this.#temp[Symbol.dispose]();
  }
}

// Names that sort differently as text, as bytes of paths, and as folders.
const NAMES = [
  'a.txt',
  'a/b.txt',
  'a-b/c.txt',
  'a b',
  'á/ñ.txt',
  '日本/語',
  'z',
  'a/é/x',
  'a.d/x',
  '\u{1F600}/smile',
  '\uFF5E/tilde',
];

describe('walking disk and registry side by side', () => {
  test('finds nothing where they are equal', async () => {
    using place = new Place(NAMES);
    expect(await place.differences('stat')).toEqual([]);
  });

  test('finds what is missing, new and changed', async () => {
    using place = new Place(NAMES);
    rmSync(join(place.root, 'a'), { recursive: true });
    rmSync(join(place.root, 'z'));
    writeFileSync(join(place.root, 'new'), '');
    writeFileSync(join(place.root, 'a.txt'), 'changed');
    expect(await place.differences('names')).toEqual(['a/b.txt', 'a/é/x', 'new', 'z']);
    expect(await place.differences('stat')).toEqual(['a.txt', 'a/b.txt', 'a/é/x', 'new', 'z']);
  });

  test('follows no symlinks and enters nothing that is left out', async () => {
    using place = new Place(['d/a']);
    symlinkSync('..', join(place.root, 'd/loop'));
    mkdirSync(join(place.root, 'node_modules'));
    writeFileSync(join(place.root, 'node_modules/x'), '');
    expect(await place.differences('stat')).toEqual([]);
  });

  test('finds what is known and no longer to be protected', async () => {
    using place = new Place(['d/a', 'b']);
    expect(await place.differences('stat', { exclude_patterns: ['d'] })).toEqual(['d/a']);
  });
});

// In a process without the rights of root: it makes the folder, shuts it, walks.
const SHUT_FOLDER = `
  const { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
  const { HoldfastConfig } = await import('@holdfast/contracts/config');
  const { openDatabase } = await import('@holdfast/runtime/sqlite');
  const { createFileRegistry } = await import('@holdfast/monitor/adapters/registry');
  const { REGISTRY_MIGRATIONS } = await import('@holdfast/monitor/adapters/registry-schema');
  const { createTerritory } = await import('@holdfast/monitor/adapters/territory');
  const { walk } = await import('@holdfast/monitor/adapters/walk');
  const base = mkdtempSync('/tmp/holdfast-shut-');
  mkdirSync(base + '/root/shut', { recursive: true });
  const database = base + '/registry.sqlite';
  const registry = createFileRegistry(openDatabase(database, REGISTRY_MIGRATIONS));
  const facts = { size: 0, mtime_ns: '0', ctime_ns: '0', inode: '0:0', checksum: '' };
  for (const name of ['shut/a', 'shut/b/c', 'shut.txt', 'gone'])
    registry.apply({ put: [{ path: base + '/root/' + name, source: 's', version: 1, facts, state: 'present' }], remove: [] });
  chmodSync(base + '/root/shut', 0);
  const config = HoldfastConfig.parse({ host: 'h', sources: { s: { root: base + '/root' } } });
  const territory = createTerritory({ config, base_dir: '/', data_dir: '/nowhere' });
  const found = [];
  const summary = await walk({ database, folders: [base + '/root'], depth: 'stat' }, territory, async (part) => found.push(...part));
  const short = (path) => path.slice(base.length + 6);
  console.log(JSON.stringify({ found: found.map(short), unreadable: summary.unreadable.map(({ path, code }) => [short(path), code]) }));
  chmodSync(base + '/root/shut', 0o700);
  rmSync(base, { recursive: true });`;

test('an unreadable folder is named, and nothing is concluded about what it holds', () => {
  const asNobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const args = ['--input-type=module', '--eval', SHUT_FOLDER];
  const env = { ...process.env, NODE_OPTIONS: '' };
  const out = execFileSync(process.execPath, args, { cwd: import.meta.dirname, env, ...asNobody });
  expect(JSON.parse(out.toString())).toEqual({
    found: ['gone', 'shut.txt'],
    unreadable: [['shut', 'EACCES']],
  });
});
