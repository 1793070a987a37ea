import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import type { Entry } from '../api.ts';
import type { Engine } from '../engine.ts';
import { damaged } from '../errors.ts';
import type { ChunkLocation } from '../index/index-database.ts';

const PARALLEL = 8;

/** The bytes of a file, verified chunk by chunk and as a whole. */
export async function readFile(engine: Engine, entry: Entry): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of readPieces(engine, entry)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The same piece by piece; a wrong whole is told after the last piece. */
export async function* readPieces(engine: Engine, entry: Entry): AsyncGenerator<Buffer> {
  const whole = createHash('sha256');
  let size = 0;
  let next = readAhead(engine, entry.chunks[0]);
  for (let index = 0; index < entry.chunks.length; index += 1) {
    const piece = await next;
    next = readAhead(engine, entry.chunks[index + 1]);
    whole.update(piece);
    size += piece.length;
    yield piece;
  }
  if (size !== entry.size || `sha256:${whole.digest('hex')}` !== entry.checksum) {
    throw damaged(`${entry.path}: its chunks are not what its checksum says`);
  }
}

/** Calls `use` for each file, files of one block one after the other, so that each block is decoded once. */
export async function readMany(
  engine: Engine,
  entries: readonly Entry[],
  use: (entry: Entry, data: Buffer) => Promise<void>,
): Promise<void> {
  const placed: { entry: Entry; place: ChunkLocation | undefined }[] = [];
  for (const entry of entries) placed.push({ entry, place: await firstPlace(engine, entry) });
  placed.sort((one, other) => comparePlaces(one.place, other.place));
  const limit = pLimit(PARALLEL);
  await limit.map(placed, async ({ entry }) => use(entry, await readFile(engine, entry)));
}

/** Where two chunks lie, in the order in which a pack is read. */
function comparePlaces(one: ChunkLocation | undefined, other: ChunkLocation | undefined): number {
  if (one === undefined || other === undefined)
    return Number(other === undefined) - Number(one === undefined);
  if (one.pack !== other.pack) return one.pack < other.pack ? -1 : 1;
  return one.block - other.block || one.offset - other.offset;
}

async function firstPlace(engine: Engine, entry: Entry): Promise<ChunkLocation | undefined> {
  const [first] = entry.chunks;
  if (first === undefined) return undefined;
  const [place] = await engine.index.locate(Buffer.from(first, 'hex'));
  return place;
}

/** Starts reading; a failure waits for whoever comes for the piece. */
function readAhead(engine: Engine, id: string | undefined): Promise<Buffer> {
  const reading =
    id === undefined ? Promise.resolve(Buffer.alloc(0)) : engine.chunks.read(Buffer.from(id, 'hex'));
  reading.catch(() => undefined);
  return reading;
}
