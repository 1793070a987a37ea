import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { systemCode } from '@holdfast/contracts/errors';
import type { Facts, Verdict } from '../domain/file-inventory/state.ts';
import { type Shape, shapeOf } from '../domain/mass-change/shape.ts';
import { toFileStat } from './file-stat.ts';
import { findJsonProblem } from './json-problem.ts';
import type { ValidatorName } from './territory.ts';

export interface ReadOrder {
  readonly path: string;
  readonly validator: ValidatorName;
}

/** What reading one file gave. */
export type ReadOutcome =
  | {
      readonly path: string;
      readonly kind: 'read';
      readonly facts: Facts;
      readonly verdict: Verdict;
      /** The content breaks off: it may still be on its way. */
      readonly unfinished: boolean;
      readonly shape: Shape;
    }
  /** It was written to while it was read. */
  | { readonly path: string; readonly kind: 'changing' }
  | { readonly path: string; readonly kind: 'absent' }
  | { readonly path: string; readonly kind: 'unreadable'; readonly code: string };

/** Above this nothing is parsed: the checksum alone tells. */
const JUDGED_MAX = 64 * 1024 * 1024;
const PIECE = 1024 * 1024;

/** Reads, hashes and judges one file. Blocks: meant for a worker thread. */
export function readFile({ path, validator }: ReadOrder): ReadOutcome {
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
    return readOpen(descriptor, { path, validator });
  } catch (error) {
    return { path, kind: 'unreadable', code: systemCode(error) ?? String(error) };
  } finally {
    closeSync(descriptor);
  }
}

function readOpen(descriptor: number, { path, validator }: ReadOrder): ReadOutcome {
  const before = fstatSync(descriptor, { bigint: true });
  if (!before.isFile()) return { path, kind: 'absent' };
  const stat = toFileStat(before);
  const judged = validator !== 'none' && stat.size <= JUDGED_MAX;
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let shape: Shape | undefined;
  let size = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(stat.size - size, 4096)));
    const length = readSync(descriptor, piece, 0, piece.length, null);
    if (length === 0) break;
    shape ??= shapeOf(path, piece.subarray(0, length));
    size += length;
    hash.update(piece.subarray(0, length));
    if (judged) kept.push(piece.subarray(0, length));
  }
  const after = fstatSync(descriptor, { bigint: true });
  if (size !== stat.size || after.mtimeNs !== before.mtimeNs || after.size !== before.size)
    return { path, kind: 'changing' };
  const facts = { ...stat, checksum: `sha256:${hash.digest('hex')}` };
  const opinion = judged ? judgeJson(Buffer.concat(kept)) : { verdict: { judged: false }, unfinished: false };
  shape ??= shapeOf(path, new Uint8Array());
  return { path, kind: 'read', facts, shape, ...opinion };
}

/** JSON in UTF-8 (a byte order mark is let pass). What it says never quotes the content. */
function judgeJson(bytes: Uint8Array): { verdict: Verdict; unfinished: boolean } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { verdict: { judged: true, problem: { reason: 'json', detail: 'not UTF-8' } }, unfinished: false };
  }
  try {
    JSON.parse(text);
    return { verdict: { judged: true }, unfinished: false };
  } catch {
    const { line, column, what, unfinished } = findJsonProblem(text);
    const detail = `line ${line} column ${column}: ${what}`;
    return { verdict: { judged: true, problem: { reason: 'json', detail } }, unfinished };
  }
}
