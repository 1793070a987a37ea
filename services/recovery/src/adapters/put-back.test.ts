import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Entry } from '@holdfast/repository/api';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { describe, expect, test } from '@jest/globals';
import { plainMetadata } from '../../test/plain-metadata.ts';
import { createDisk, type DiskStep } from './disk.ts';
import { Folders } from './folders.ts';
import { createOpenWriters } from './open-writers.ts';
import { openBatch, type Placement, type PutBack } from './put-back.ts';

const GOOD = Buffer.from('{"the": "good bytes"}');
const BAD = Buffer.from('{"the": "go');
const FILE_MS = 1_700_000_000_000;
const FOLDER_MS = 1_690_000_000_000;
const LOST_AT_MS = Math.ceil(Date.now() / 1000) * 1000 + 60_000;
const sum = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const ns = (ms: number) => BigInt(ms) * 1_000_000n;

function entryOf(path: string, kind: 'file' | 'directory'): Entry {
  const mine = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const base = { path, kind, ...mine, chunks: [] };
  return kind === 'file'
    ? { ...base, size: GOOD.length, mode: 0o640, mtime_ns: ns(FILE_MS), checksum: sum(GOOD) }
    : { ...base, size: 0, mode: 0o750, mtime_ns: ns(FOLDER_MS), checksum: '' };
}

interface Scene {
  root: string;
  path: string;
  quarantine: string;
}

function scene(base: string, what: 'deleted' | 'corrupted' | 'folder gone'): Scene {
  const root = join(base, 'data');
  const path = join(root, 'a', 'b', 'kb.json');
  fs.mkdirSync(what === 'folder gone' ? root : dirname(path), { recursive: true });
  if (what === 'corrupted') fs.writeFileSync(path, BAD);
  return { root, path, quarantine: join(base, 'quarantine') };
}

function fileOf({ root, path }: Scene, how: Partial<PutBack> & { before_ns?: bigint | null } = {}): PutBack {
  const { before_ns, ...rest } = how;
  const folder = {
    root,
    lost_at_ms: LOST_AT_MS,
    before_ns,
    entryOf: async (at: string) => entryOf(at, 'directory'),
  };
  const ids = { case_id: '01JDBBBBBBBBBBBBBBBBBBBBBB', recovery_id: 'r1', host: 'h', source: 's' };
  return { ...ids, path, entry: entryOf(path, 'file'), displaces: 'none', folder, resumed: false, ...rest };
}

type Hook = (step: DiskStep, path: string) => void;

async function putBack({ quarantine }: Scene, file: PutBack, before?: Hook): Promise<Placement> {
  const disk = createDisk({ metadata: plainMetadata, ...(before && { before }) });
  const folders = new Folders(disk, () => undefined);
  const writers = createOpenWriters();
  const batch = openBatch({ disk, folders, quarantine: { disk, folder: quarantine, writers } }, 1);
  const written = await batch.write(file, GOOD);
  await batch.sync([written]);
  const placement = await batch.place(written);
  await batch.finish([written]);
  return placement;
}

function expectRestored({ root, path }: Scene) {
  expect(fs.readFileSync(path)).toEqual(GOOD);
  expect(fs.statSync(path)).toMatchObject({ mtimeMs: FILE_MS, nlink: 1 });
  expect(fs.statSync(path).mode & 0o7777).toBe(0o640);
  for (const folder of [dirname(path), dirname(dirname(path))]) {
    expect(fs.readdirSync(folder)).toHaveLength(1);
  }
  expect(fs.statSync(dirname(path)).mtimeMs).toBe(FOLDER_MS);
  expect(fs.readdirSync(root)).toEqual(['a']);
}

describe.each(['deleted', 'corrupted', 'folder gone'] as const)('a file that is %s', (what) => {
  const displaces = what === 'corrupted' ? ({ bad: sum(BAD) } as const) : 'none';
  const before_ns = what === 'folder gone' ? null : ns(LOST_AT_MS - 5);

  test('stands again with its mode and times, and so do its folders', async () => {
    using dir = tempDir();
    const here = scene(dir.path, what);
    const placement = await putBack(here, fileOf(here, { displaces }));
    expect(placement.kind).toBe('placed');
    expectRestored(here);
    const moved = placement.kind === 'placed' ? placement.quarantined_to : null;
    expect(moved === null ? null : fs.readFileSync(moved)).toEqual(what === 'corrupted' ? BAD : null);
  });

  test('stands again after a crash at any step, with nothing left behind', async () => {
    let steps = Number.POSITIVE_INFINITY;
    for (let crash_at = 0; crash_at < steps; crash_at += 1) {
      using dir = tempDir();
      const here = scene(dir.path, what);
      let count = 0;
      const dying = () => {
        if (count++ >= crash_at) throw new Error('power cut');
      };
      const outcome = await putBack(here, fileOf(here, { displaces }), dying).catch(() => 'crashed');
      if (outcome !== 'crashed') steps = crash_at;
      const placement = await putBack(here, fileOf(here, { displaces, resumed: true, before_ns }));
      expect(placement.kind).toBe('placed');
      expectRestored(here);
      if (what === 'corrupted') expect(readAll(here.quarantine)).toContainEqual(BAD);
    }
    expect(steps).toBeGreaterThanOrEqual(7);
  });
});

const readAll = (folder: string) =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(join(entry.parentPath, entry.name)));

describe('never over something newer', () => {
  test('another file at the place is left alone', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'deleted');
    fs.writeFileSync(here.path, 'newer');
    expect((await putBack(here, fileOf(here))).kind).toBe('occupied');
    expect(fs.readFileSync(here.path, 'utf8')).toBe('newer');
    expect(fs.readdirSync(dirname(here.path))).toEqual([basename(here.path)]);
  });

  test('the same bytes put back by somebody else are theirs', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'deleted');
    fs.writeFileSync(here.path, GOOD);
    expect((await putBack(here, fileOf(here))).kind).toBe('same');
  });

  test('a corrupt file that was rewritten meanwhile is not moved away', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'corrupted');
    fs.writeFileSync(here.path, '{"newer": true}');
    expect((await putBack(here, fileOf(here, { displaces: { bad: sum(BAD) } }))).kind).toBe('occupied');
    expect(fs.readFileSync(here.path, 'utf8')).toBe('{"newer": true}');
  });

  test('a file swapped in while the bad one is moved away goes back to its place', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'corrupted');
    const swap: Hook = (step) => {
      if (step !== 'quarantine_move') return;
      fs.writeFileSync(join(here.root, 'new'), '{"newer": true}');
      fs.renameSync(join(here.root, 'new'), here.path);
    };
    const placement = await putBack(here, fileOf(here, { displaces: { bad: sum(BAD) } }), swap);
    expect(placement.kind).toBe('occupied');
    expect(fs.readFileSync(here.path, 'utf8')).toBe('{"newer": true}');
  });

  test('a bad copy that is still being written to is left to its writer', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'corrupted');
    const writer = fs.openSync(here.path, 'r+');
    const placement = await putBack(here, fileOf(here, { displaces: { bad: sum(BAD) } }));
    fs.closeSync(writer);
    expect(placement).toEqual({ kind: 'busy', pids: [process.pid] });
    expect(fs.readFileSync(here.path)).toEqual(BAD);
  });

  test('a symlink at the place is not followed', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'deleted');
    fs.symlinkSync(join(dir.path, 'elsewhere'), here.path);
    expect((await putBack(here, fileOf(here))).kind).toBe('occupied');
    expect(fs.existsSync(join(dir.path, 'elsewhere'))).toBe(false);
  });

  test('a folder that became a symlink is not written through', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'folder gone');
    fs.mkdirSync(join(dir.path, 'outside', 'b'), { recursive: true });
    fs.symlinkSync(join(dir.path, 'outside'), join(here.root, 'a'));
    await expect(putBack(here, fileOf(here))).rejects.toMatchObject({ code: 'restore_refused' });
    expect(fs.readdirSync(join(dir.path, 'outside', 'b'))).toEqual([]);
  });

  test('a root that is reached through a symlink is fine', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'deleted');
    fs.symlinkSync(here.root, join(dir.path, 'alias'));
    const alias = { ...here, root: join(dir.path, 'alias'), path: here.path.replace('/data/', '/alias/') };
    expect((await putBack(alias, fileOf(alias))).kind).toBe('placed');
    expectRestored(here);
  });
});

describe('refused', () => {
  test('bytes that do not have the wanted checksum are never placed', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'deleted');
    const file = fileOf(here, { entry: { ...entryOf(here.path, 'file'), checksum: sum(BAD) } });
    await expect(putBack(here, file)).rejects.toMatchObject({ code: 'repo_damaged' });
    expect(fs.readdirSync(dirname(here.path))).toEqual([]);
  });

  test('a folder swept away under our hands is made anew when it is tried again', async () => {
    using dir = tempDir();
    const here = scene(dir.path, 'deleted');
    const sweep: Hook = (step) => {
      if (step === 'link') fs.rmSync(join(here.root, 'a'), { recursive: true });
    };
    await expect(putBack(here, fileOf(here), sweep)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await putBack(here, fileOf(here))).kind).toBe('placed');
    expectRestored(here);
  });
});

test('a folder that is moved away while it is written to gets nothing', async () => {
  using dir = tempDir();
  const here = scene(dir.path, 'deleted');
  const moved = join(here.root, 'moved');
  const move: Hook = (step) => {
    if (step === 'sync') fs.renameSync(join(here.root, 'a'), moved);
  };
  await expect(putBack(here, fileOf(here), move)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(fs.readdirSync(join(moved, 'b'))).toEqual([]);
});

test('a folder that somebody changed after the loss keeps the time of that change', async () => {
  using dir = tempDir();
  const here = scene(dir.path, 'deleted');
  const changed_ms = LOST_AT_MS + 5_000;
  fs.utimesSync(dirname(here.path), changed_ms / 1000, changed_ms / 1000);
  await putBack(here, fileOf(here));
  expect(fs.statSync(dirname(here.path)).mtimeMs).toBe(changed_ms);
});
