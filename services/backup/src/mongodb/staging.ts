import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import { z } from 'zod';
import { type ClusterTime, compareTimes } from '../domain/mongodb/cluster-time.ts';
import type { BaseFacts } from '../domain/mongodb/restore-plan.ts';
import { parseSegmentFile, type SegmentName } from '../domain/mongodb/segment.ts';

const Time = z.object({ seconds: z.number().int(), increment: z.number().int() });

/** How far the change log goes, in a file of its own: `state.json`. */
export const LogState = z.object({
  format: z.literal(1),
  database: z.string(),
  collections: z.array(z.string()),
  /** When this log began: no base from before goes with it. */
  begins: Time,
  /** Where the stream goes on, base64; null: at `tail`, which is where the log begins. */
  token: z.string().nullable(),
  /** Of the last event in the log: only a server that has made it has the history that the log tells of. */
  event_token: z.string().nullable(),
  /** The process of MongoDB that was asked last. */
  server: z.string(),
  /** The end of the last segment, or the begin of the log. */
  tail: Time,
  /** Nothing happened after `tail` up to here. */
  through: Time,
  /** Why the log cannot be gone on with: the next backup begins with a new base. */
  broken: z.string().nullable(),
  /** A run has failed of it, so that people were told. */
  told: z.boolean(),
});
export type LogState = z.infer<typeof LogState>;

export const BaseFile = z.object({
  format: z.literal(1),
  id: z.string(),
  from: Time,
  through: Time,
  database: z.string(),
  /** Of each collection: its folder entry and how many documents were copied. */
  collections: z.record(z.string(), z.object({ file: z.string(), documents: z.number().int() })),
});
export type BaseFile = z.infer<typeof BaseFile>;

export const BASE_PREFIX = 'base-';
export const BASE_FILE = 'base.json';
export const CHANGES = 'changes';
export const STATE_FILE = 'state.json';
/** What is being written; never part of a backup. */
export const UNFINISHED = '.unfinished';

/** The folder of one source that the repository reads: whole bases, and the changes since. */
export interface Staging {
  readonly folder: string;
  readonly changes: string;
  state(): Promise<LogState | null>;
  setState(state: LogState): Promise<void>;
  bases(): Promise<BaseFile[]>;
  segments(): Promise<SegmentName[]>;
  /** The folder of a base that is being made; what was left of another is removed. */
  beginBase(id: string): Promise<string>;
  /** The file that makes a base one. */
  basePath(id: string): string;
  /** From now on it is a base. */
  finishBase(base: BaseFile): Promise<void>;
  /** Removes bases that lack a file: nobody but people takes one away. */
  removeIncomplete(): Promise<void>;
  /** Removes older bases, and changes that only they need. */
  keepOnly(base: BaseFacts): Promise<void>;
  /** Removes what is later than the begin of a new log: MongoDB's clock went back, and its history is another one now. */
  forgetAfter(begins: ClusterTime): Promise<void>;
}

/** Opens it, and creates it where it is missing. */
export async function openStaging(folder: string): Promise<Staging> {
  const changes = join(folder, CHANGES);
  await mkdir(changes, { recursive: true, mode: 0o700 });
  await removeUnfinished(folder);
  const bases = async () => {
    const names = (await readdir(folder)).filter((name) => isBase(name)).sort();
    const files = await Promise.all(names.map((name) => readJson(join(folder, name, BASE_FILE))));
    return files.flatMap((text) => (text === null ? [] : [BaseFile.parse(text)]));
  };
  const segments = async () => (await readdir(changes)).flatMap((file) => parseSegmentFile(file) ?? []);
  return {
    folder,
    changes,
    bases,
    segments,
    state: async () => {
      const text = await readJson(join(folder, STATE_FILE));
      return text === null ? null : LogState.parse(text);
    },
    setState: (state) => writeDurably(join(folder, STATE_FILE), JSON.stringify(state)),
    beginBase: async (id) => {
      await removeUnfinished(folder);
      const made = join(folder, `${BASE_PREFIX}${id}${UNFINISHED}`);
      await mkdir(made, { mode: 0o700 });
      return made;
    },
    basePath: (id) => join(folder, `${BASE_PREFIX}${id}`, BASE_FILE),
    finishBase: async (base) => {
      const made = join(folder, `${BASE_PREFIX}${base.id}${UNFINISHED}`);
      await writeDurably(join(made, BASE_FILE), JSON.stringify(base));
      await rename(made, join(folder, `${BASE_PREFIX}${base.id}`));
      await syncFolder(folder);
    },
    removeIncomplete: async () => {
      for (const base of await bases()) {
        if (!(await isComplete(folder, base))) await removeBase(folder, base.id);
      }
    },
    keepOnly: async (kept) => {
      const old = (await bases()).filter(
        ({ id, from }) => id !== kept.id && compareTimes(from, kept.from) <= 0,
      );
      for (const { id } of old) await removeBase(folder, id);
      await removeSegments(changes, ({ to }) => compareTimes(to, kept.from) < 0);
    },
    forgetAfter: async (begins) => {
      const later = (await bases()).filter(({ through }) => compareTimes(begins, through) < 0);
      for (const { id } of later) await removeBase(folder, id);
      await removeSegments(changes, ({ to }) => compareTimes(begins, to) < 0);
    },
  };
}

/** Written beside, synced, renamed, folder synced: there is the old content or the new one. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const half = `${path}${UNFINISHED}`;
  const file = await open(half, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(half, path);
  await syncFolder(dirname(path));
}

/** Makes what was created or renamed in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isBase(name: string): boolean {
  return name.startsWith(BASE_PREFIX) && !name.endsWith(UNFINISHED);
}

async function removeUnfinished(folder: string): Promise<void> {
  for (const place of [folder, join(folder, CHANGES)]) {
    const left = (await readdir(place)).filter((name) => name.endsWith(UNFINISHED));
    for (const name of left) await rm(join(place, name), { recursive: true, force: true });
  }
}

async function isComplete(folder: string, { id, database, collections }: BaseFile): Promise<boolean> {
  const files = join(folder, `${BASE_PREFIX}${id}`, encodeURIComponent(database));
  // Where the folder itself is gone, so are all of its files.
  const there = new Set(existsSync(files) ? await readdir(files) : []);
  return Object.values(collections).every(
    ({ file, documents }) =>
      there.has(`${file}.metadata.json`) && (documents === 0 || there.has(`${file}.bson`)),
  );
}

/** It is no base any more before its first file goes: half of one is never backed up. */
async function removeBase(folder: string, id: string): Promise<void> {
  const half = join(folder, `${BASE_PREFIX}${id}${UNFINISHED}`);
  await rename(join(folder, `${BASE_PREFIX}${id}`), half);
  await rm(half, { recursive: true, force: true });
}

async function removeSegments(changes: string, isUseless: (segment: SegmentName) => boolean): Promise<void> {
  for (const file of await readdir(changes)) {
    const segment = parseSegmentFile(file);
    if (segment !== null && isUseless(segment)) await rm(join(changes, file), { force: true });
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}
