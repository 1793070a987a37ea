// How the golden repositories came to be. They are made once for a version of the format and then never again: that an
// old repository stays readable is what they are for. The script refuses to touch one that is there.
//   node test/golden/make-golden.ts [NAME …]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync, chmodSync, existsSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createChunker } from '@holdfast/repository/chunker/fastcdc';
import type { Repository } from '@holdfast/repository/api';
import { deriveKeys, type RepositoryKeys } from '@holdfast/repository/crypto/keys';
import { pendingName, sealPending } from '@holdfast/repository/deletion/pending-object';
import { unlock } from '@holdfast/repository/key-ring';
import { setTimes } from '@holdfast/repository/metadata';
import { initRepository, type Secret } from '@holdfast/repository/open';
import { sealRevocation, snapshotName } from '@holdfast/repository/snapshot/snapshot-object';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createLocalStore } from '@holdfast/storage/local';
import { factsOf, type PathFacts } from '../support/tree-facts.ts';

const HERE = import.meta.dirname;
/** The paths in the snapshots begin with it. */
const SOURCE = '/tmp/holdfast-golden';
/** Never the key of anything but these. */
const KEY_HEX = createHash('sha256').update('the key of the golden repositories').digest('hex');
const KEY_FILE: Secret = { key_file_bytes: Buffer.from(KEY_HEX, 'hex') };
/** Decomposed (n and a combining tilde): it must open in this form and in the composed one. */
const PASSWORD = 'a golden contrasen\u0303a';

type Expected = Record<string, { host: string; source: string; paths: Record<string, PathFacts> }>;
interface Making {
  readonly repository: Repository;
  readonly store: BlobStore;
  readonly keys: RepositoryKeys;
  /** Snapshots that are to be restored, by their ids: what is forgotten goes from here. */
  readonly snapshots: Expected;
  backup(host: string, source: string, root: string): Promise<void>;
  /** Where this repository's chunker cuts `data` first. */
  cut(data: Buffer): number;
}

const recipes: Record<string, { secrets: Secret[]; make: (making: Making) => Promise<void> }> = {
  'odd-tree': { secrets: [KEY_FILE], make: makeOddTree },
  history: { secrets: [{ password: PASSWORD }], make: makeHistory },
  large: { secrets: [KEY_FILE, { password: PASSWORD }], make: makeLarge },
  maintained: { secrets: [KEY_FILE], make: makeMaintained },
  compact: { secrets: [KEY_FILE], make: makeCompact },
  nothing: { secrets: [KEY_FILE], make: async () => undefined },
};

/** Every kind of entry and of name, mode and time that a file system gives. */
async function makeOddTree({ backup }: Making) {
  const root = join(SOURCE, 'odd');
  write('odd/empty', '');
  write('odd/plain.txt', 'plain\n');
  write('odd/deep/er/and/deeper/ñandú \u{1f600}.json', '{"ok":true}');
  write('odd/with space, "quotes" and\nnewline', 'x');
  write('odd/script.sh', '#!/bin/sh\n', 0o4751);
  write('odd/unreadable by others', 'secret\n', 0o600);
  mkdirSync(join(root, 'empty folder'));
  chmodSync(join(root, 'empty folder'), 0o1700);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/deep/latin-`), Buffer.from([0xe9, 0xff, 0x22])]), 'bytes');
  symlinkSync(Buffer.concat([Buffer.from('../nowhere/'), Buffer.from([0xfe])]), join(root, 'dangling'));
  symlinkSync('/etc/hostname', join(root, 'deep/absolute'));
  symlinkSync('deep', join(root, 'to a folder'));
  linkSync(join(root, 'script.sh'), join(root, 'deep/other name'));
  linkSync(join(root, 'script.sh'), join(root, 'third name'));
  setTimes(join(root, 'empty'), { mtime_ns: -1_234_567_890_123_456_789n });
  setTimes(join(root, 'plain.txt'), { mtime_ns: 4_102_444_800_000_000_001n });
  setTimes(join(root, 'script.sh'), { mtime_ns: 1_700_000_000_123_456_789n });
  setTimes(join(root, 'dangling'), { mtime_ns: 1_600_000_000_000_000_001n });
  setTimes(join(root, 'deep/er'), { mtime_ns: 999_999_999n });
  await backup('host-a', 'odd', root);
  // The same once more as a root that is a file.
  await backup('host-a', 'one file', join(root, 'plain.txt'));
}

/** A tree of several levels that changes, and another host beside it. */
async function makeHistory({ backup }: Making) {
  const root = join(SOURCE, 'site');
  for (let n = 0; n < 400; n += 1) write(`site/${n % 9}/chat-${n}.json`, JSON.stringify({ n, text: 'hola '.repeat(n % 50) }));
  await backup('host-a', 'site', root);
  for (let n = 0; n < 400; n += 37) appendFileSync(join(root, `${n % 9}/chat-${n}.json`), `\n{"more":${n}}`);
  write('site/new/one.json', '[]');
  await backup('host-a', 'site', root);
  rmSync(join(root, '3'), { recursive: true });
  rmSync(join(root, '4/chat-4.json'));
  renameSync(join(root, '5'), join(root, 'five'));
  rmSync(join(root, '6'), { recursive: true });
  writeFileSync(join(root, '6'), 'a file where a folder was');
  await backup('host-a', 'site', root);
  write('other/same.json', JSON.stringify({ n: 7, text: 'hola '.repeat(7) }));
  await backup('host-b', 'other', join(SOURCE, 'other'));
  rmSync(root, { recursive: true });
  mkdirSync(root);
  await backup('host-a', 'site', root);
}

/** Files of many chunks: stored as they are, compressed, and so many that their ids are in lists. */
async function makeLarge({ backup, cut }: Making) {
  const root = join(SOURCE, 'large');
  write('large/noise.bin', cutNoise(cut));
  write('large/lines.log', Array.from({ length: 150_000 }, (_, n) => `2026-01-01 12:00:00 GET /page/${n % 97} 200\n`).join(''));
  const zeros = Buffer.alloc(3_000_000);
  write('large/mixed.bin', Buffer.concat([noise('one', 100_000), zeros, noise('two', 100_000), zeros, noise('three', 9)]));
  write('large/many-chunks.bin', manyChunks(cut));
  await backup('host-a', 'large', root);
}

/** Incompressible, and of two chunks. */
function cutNoise(cut: (data: Buffer) => number): Buffer {
  for (let seed = 0; ; seed += 1) {
    const data = noise(`noise ${seed}`, 600_000);
    if (cut(data) < data.length) return data;
  }
}

/** 257 chunks and more, of few contents: a pattern that comes again, chosen so that it is cut soon after the minimum. */
function manyChunks(cut: (data: Buffer) => number): Buffer {
  for (let seed = 0; ; seed += 1) {
    const content = noise(`pattern ${seed}`, 16_384);
    const sample = Buffer.alloc(640_000, content);
    const first = cut(sample);
    if (first < 275_000 && cut(sample.subarray(first)) < 275_000) return Buffer.alloc(72 * 1024 * 1024, content);
  }
}

/** What deleting leaves: tombstones, marks, packs that were rewritten, a dead writer's pending object, a revocation; holes and attributes besides. */
async function makeMaintained({ backup, repository, store, keys, snapshots }: Making) {
  const root = join(SOURCE, 'bot');
  for (let day = 0; day < 12; day += 1) {
    for (let n = 0; n < 60; n += 1) if (n % 12 === day || day === 0) write(`bot/${n % 5}/chat-${n}.json`, `${noise(`${day} ${n}`, 900).toString('base64')}\n`);
    await backup('host-a', 'bot', root);
  }
  write('bot/holes.bin', noise('start', 5000));
  truncateSync(join(root, 'holes.bin'), 1_000_000);
  appendFileSync(join(root, 'holes.bin'), 'the end');
  execFileSync('python3', ['-c', 'import os,sys; os.setxattr(sys.argv[1], b"user.origin", b"whatsapp")', join(root, '0/chat-0.json')]);
  await backup('host-a', 'bot', root);
  const forgotten = Object.keys(snapshots).slice(1, -3);
  await repository.forget(forgotten, { reason: 'golden' });
  for (const id of forgotten) delete snapshots[id];
  await repository.prune({ limits: { waste_max: 0 } });
  write('bot/late.json', '{"after":"maintenance"}');
  await backup('host-a', 'bot', root);
  const dead = 'de'.repeat(16);
  const pending = { version: 1 as const, host: 'host-b', source: 'dead', time_ms: 0, tree: null, packs: ['00'.repeat(16)] };
  await store.put(pendingName(dead, 0), sealPending(keys, pendingName(dead, 0), pending));
  await store.put(snapshotName(dead), sealRevocation(keys, dead, 0));
}

/** What came after the others were made: entries without the id of their only chunk, and compact pack tables. */
async function makeCompact({ backup, repository }: Making) {
  const root = join(SOURCE, 'compact');
  for (let n = 0; n < 90; n += 1) write(`compact/${n % 4}/chat-${n}.json`, JSON.stringify({ n, text: 'hola '.repeat(n) }));
  write('compact/empty', '');
  write('compact/lines.log', Array.from({ length: 60_000 }, (_, n) => `2026-02-02 12:00:00 GET /page/${n % 89} 200\n`).join(''));
  write('compact/random', noise('random', 20_000));
  await backup('host-a', 'compact', root);
  for (let n = 0; n < 90; n += 13) appendFileSync(join(root, `${n % 4}/chat-${n}.json`), `\n{"more":${n}}`);
  await backup('host-a', 'compact', root);
  await repository.prune({ limits: { waste_max: 0 } });
}

function write(name: string, data: string | Buffer, mode = 0o644) {
  const path = join(SOURCE, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, data);
  chmodSync(path, mode);
}

function noise(seed: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest();
}

async function makeGolden(name: string) {
  const folder = join(HERE, name);
  const recipe = recipes[name];
  if (recipe === undefined) throw new Error(`there is no recipe for ${name}`);
  if (existsSync(folder)) throw new Error(`${folder} is there: golden repositories are made once`);
  if (existsSync(SOURCE)) throw new Error(`${SOURCE} is in the way`);
  mkdirSync(SOURCE, { recursive: true });
  const snapshots: Expected = {};
  const store = createLocalStore(join(folder, 'repository'));
  const [first, ...others] = recipe.secrets as [Secret, ...Secret[]];
  try {
    await using repository = await initRepository(store, first);
    for (const secret of others) await repository.keys.add({ secret, label: 'another' });
    const { secrets } = await unlock(store, Buffer.from(repository.id, 'hex'), first);
    const keys = deriveKeys(Buffer.from(repository.id, 'hex'), secrets);
    const chunker = createChunker(keys.gear_seed);
    await recipe.make({
      repository,
      store,
      keys,
      snapshots,
      cut: (data) => chunker.cut(data, 0, data.length),
      async backup(host, source, root) {
        const { snapshot } = await repository.backup({ host, source, roots: [root], metadata: () => ({ golden: name }) });
        snapshots[snapshot.id] = { host, source, paths: factsOf(root) };
      },
    });
  } finally {
    rmSync(SOURCE, { recursive: true });
  }
  rmSync(join(folder, 'repository', 'tmp'), { recursive: true });
  writeFileSync(join(folder, 'key'), `holdfast-key-1 ${KEY_HEX}\n`);
  writeFileSync(join(folder, 'password'), `${PASSWORD}\n`);
  const opens = recipe.secrets.map((secret) => ('password' in secret ? 'password' : 'key'));
  writeFileSync(join(folder, 'expected.json'), `${JSON.stringify({ opens, snapshots }, null, 1)}\n`);
}

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(recipes)) await makeGolden(name);
