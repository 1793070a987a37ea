import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import type { Entry } from '@holdfast/repository/api';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { plainMetadata } from '../../test/plain-metadata.ts';
import { createDisk } from './disk.ts';
import { Folders } from './folders.ts';
import { createOpenWriters } from './open-writers.ts';
import { openBatch, type PutBack } from './put-back.ts';

// What a user, or a power cut, may do between any two steps of a recovery.
const DEEDS = ['rewrite', 'replace', 'delete', 'sweep folder', 'crash'] as const;
type Deed = (typeof DEEDS)[number];

const GOOD = Buffer.from('{"good": 1}');
const BAD = Buffer.from('{"good": x');
const sum = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A user at work on one file, who knows what should be there. */
function createUser(path: string) {
  let turn = 0;
  let last: Buffer | null = null;
  const ever: string[] = [];
  return {
    /** Their newest bytes; null where they deleted it last, or never wrote. */
    newest: () => last,
    /** All that they ever wrote. */
    ever: () => ever,
    act(deed: Exclude<Deed, 'crash'>) {
      last = null;
      if (deed === 'sweep folder') return fs.rmSync(dirname(path), { recursive: true, force: true });
      if (deed === 'delete') return fs.rmSync(path, { force: true });
      // As long as the bad bytes, so that only the content tells them apart.
      last = Buffer.from(`{"new": ${String(turn++).padStart(2, '0')}`);
      ever.push(last.toString());
      fs.mkdirSync(dirname(path), { recursive: true });
      const at = deed === 'rewrite' ? path : `${path}.new`;
      fs.writeFileSync(at, last);
      if (at !== path) fs.renameSync(at, path);
    },
  };
}

function fileFor(root: string, path: string, corrupted: boolean): Omit<PutBack, 'resumed'> {
  const entry: Entry = {
    ...{ path, kind: 'file', size: GOOD.length, mode: 0o644, uid: 0, gid: 0, chunks: [] },
    ...{ mtime_ns: 1_700_000_000_000_000_000n, checksum: sum(GOOD) },
  };
  const entryOf = async () => undefined;
  const folder = { root, lost_at_ms: Date.now(), before_ns: undefined, entryOf };
  const ids = { case_id: '01JDCCCCCCCCCCCCCCCCCCCCCC', recovery_id: 'r1', host: 'h', source: 's' };
  return { ...ids, path, entry, folder, displaces: corrupted ? { bad: sum(BAD) } : 'none' };
}

async function attempt(quarantine_dir: string, file: PutBack, before: () => void): Promise<string> {
  const disk = createDisk({ metadata: plainMetadata, before });
  const folders = new Folders(disk, () => undefined);
  const quarantine = { disk, folder: quarantine_dir, writers: createOpenWriters() };
  const batch = openBatch({ disk, folders, quarantine }, 1);
  try {
    const written = await batch.write(file, GOOD);
    await batch.sync([written]);
    const { kind } = await batch.place(written).finally(() => batch.finish([written]));
    return kind;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'swept away';
    if (Error.isError(error) && error.message === 'power cut') return 'crashed';
    throw error;
  }
}

const contentsBelow = (folder: string): string[] =>
  fs.existsSync(folder)
    ? fs
        .readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.json.json'))
        .map((entry) => fs.readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    : [];

interface Planned {
  readonly step: number;
  readonly deed: Deed;
}

/** Before each step of a run: what was planned for it happens. */
function createFate(user: ReturnType<typeof createUser>, deeds: readonly Planned[]) {
  const left = deeds.toSorted((one, other) => one.step - other.step);
  const next = (step: number) => (left[0] && left[0].step <= step ? left.shift() : undefined);
  return () => {
    let step = 0;
    let dead = false;
    return () => {
      for (let due = next(step); due && !dead; due = next(step)) {
        if (due.deed === 'crash') dead = true;
        else user.act(due.deed);
      }
      step += 1;
      if (dead) throw new Error('power cut');
    };
  };
}

/** Runs and restarts until the recovery comes to an end. */
async function runToEnd(quarantine_dir: string, file: Omit<PutBack, 'resumed'>, fate: () => () => void) {
  for (let run = 0; ; run += 1) {
    const outcome = await attempt(quarantine_dir, { ...file, resumed: run > 0 }, fate());
    if (outcome !== 'crashed' && outcome !== 'swept away') return outcome;
  }
}

const textAt = (path: string) => (fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : null);
const namesIn = (folder: string) => (fs.existsSync(folder) ? fs.readdirSync(folder) : []);

test('whatever a user does meanwhile, and wherever the power is cut, newer bytes are never lost', async () => {
  const plan = fc.record({
    corrupted: fc.boolean(),
    deeds: fc.array(fc.record({ step: fc.nat(14), deed: fc.constantFrom(...DEEDS) }), { maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ corrupted, deeds }) => {
      using dir = tempDir();
      const root = join(dir.path, 'data');
      const path = join(root, 'a', 'kb.json');
      const quarantine_dir = join(dir.path, 'quarantine');
      fs.mkdirSync(dirname(path), { recursive: true });
      if (corrupted) fs.writeFileSync(path, BAD);
      const user = createUser(path);
      const outcome = await runToEnd(quarantine_dir, fileFor(root, path, corrupted), createFate(user, deeds));
      const newest = user.newest()?.toString();
      // What the user wrote last stands, untouched. Where they deleted it: the good bytes, nothing (it went away just
      // now), or, rather than too little, what they had written in the instant when the bad copy was moved away.
      const may_stand = newest === undefined ? [GOOD.toString(), null, ...user.ever()] : [newest];
      expect(may_stand).toContain(textAt(path));
      if (corrupted && outcome === 'placed' && deeds.length === 0) {
        expect(contentsBelow(quarantine_dir)).toContain(BAD.toString());
      }
      expect(namesIn(dirname(path)).filter((name) => name !== 'kb.json')).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
