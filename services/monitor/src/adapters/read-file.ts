import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { systemCode } from '@holdfast/contracts/errors';
import type { Facts } from '../domain/file-inventory/state.ts';
import { type Shape, shapeOf } from '../domain/mass-change/shape.ts';
import type { ContentJudge, Opinion } from './content/content-judge.ts';
import { toFileStat } from './file-stat.ts';
import type { ContentChecks } from './territory.ts';

export interface ReadOrder {
  readonly path: string;
  readonly checks: ContentChecks;
}

/** What reading one file gave. */
export type ReadOutcome =
  | ({
      readonly path: string;
      readonly kind: 'read';
      readonly facts: Facts;
      readonly shape: Shape;
    } & Opinion)
  /** It was written to while it was read. */
  | { readonly path: string; readonly kind: 'changing' }
  | { readonly path: string; readonly kind: 'absent' }
  | { readonly path: string; readonly kind: 'unreadable'; readonly code: string };

const PIECE = 1024 * 1024;

/** Reads, hashes and judges one file. Blocks: meant for a worker thread. */
export function readFile({ path, checks }: ReadOrder, judge: ContentJudge): ReadOutcome {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemCode(error) ?? String(error);
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? { path, kind: 'absent' }
      : { path, kind: 'unreadable', code };
  }
  try {
    return readOpen(descriptor, { path, checks }, judge);
  } catch (error) {
    return { path, kind: 'unreadable', code: systemCode(error) ?? String(error) };
  } finally {
    closeSync(descriptor);
  }
}

function readOpen(descriptor: number, { path, checks }: ReadOrder, judge: ContentJudge): ReadOutcome {
  const before = fstatSync(descriptor, { bigint: true });
  if (!before.isFile()) return { path, kind: 'absent' };
  const stat = toFileStat(before);
  const reading = judge.begin(path, checks, stat.size);
  const hash = createHash('sha256');
  let shape: Shape | undefined;
  let size = 0;
  for (const piece of piecesOf(descriptor, stat.size)) {
    shape ??= shapeOf(path, piece);
    size += piece.length;
    hash.update(piece);
    reading?.write(piece);
  }
  const opinion = reading?.end(() => piecesOf(descriptor, stat.size)) ?? UNJUDGED;
  const after = fstatSync(descriptor, { bigint: true });
  if (size !== stat.size || after.mtimeNs !== before.mtimeNs || after.size !== before.size)
    return { path, kind: 'changing' };
  const facts = { ...stat, checksum: `sha256:${hash.digest('hex')}` };
  shape ??= shapeOf(path, new Uint8Array());
  return { path, kind: 'read', facts, shape, ...opinion };
}

const UNJUDGED: Opinion = { verdict: { judged: false }, quiet_ms: 0 };

/** The content from its beginning, each piece in a buffer of its own. */
function* piecesOf(descriptor: number, expected: number): Generator<Uint8Array> {
  let position = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(expected - position, 4096)));
    const length = readSync(descriptor, piece, 0, piece.length, position);
    if (length === 0) return;
    position += length;
    yield piece.subarray(0, length);
  }
}
