import { readdirSync, readlinkSync } from 'node:fs';
import type { EntryKind } from '../api.ts';
import { reasonOf, systemCode } from '../errors.ts';
import { bytesToPath, pathForSystem } from '../paths.ts';
import { Slice } from '../slice.ts';
import { type FileStat, statIfThere } from './file-stat.ts';

/** One path as it stands on disk. */
export interface WalkItem {
  readonly key: string;
  readonly path: string;
  readonly kind: EntryKind;
  readonly stat: FileStat;
  /** Target of a symlink. */
  readonly target?: Buffer;
}

export interface WalkOptions {
  readonly select: (path: string, kind: EntryKind) => boolean;
  /** What stands there cannot be read: the path itself, or what is in a folder. */
  readonly on_unreadable: (problem: { path: string; key: string; reason: string }) => void;
  /** Neither file, folder nor symlink. */
  readonly on_skipped: (problem: { path: string; reason: string }) => void;
}

interface Place {
  readonly path: string;
  readonly key: string;
}

interface Frame extends Place {
  /** Names as characters 0–255, sorted. */
  readonly names: readonly string[];
  at: number;
}

const BATCH_ITEMS = 256;

/**
 * What stands at a path and below it, in order of keys, in batches. A path that is gone gives nothing. The first path
 * is not asked of `select`.
 */
export async function* walk(start: Place, options: WalkOptions): AsyncGenerator<WalkItem[]> {
  const slice = new Slice();
  const stack: Frame[] = [];
  let batch: WalkItem[] = [];
  const visit = (place: Place, is_start: boolean) => {
    const item = look(place, options);
    if (item === undefined || !(is_start || options.select(item.path, item.kind))) return;
    batch.push(item);
    if (item.kind === 'directory') stack.push(openFolder(place, options));
  };
  visit(start, true);
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const name = frame.names[frame.at];
    frame.at += 1;
    if (name === undefined) stack.pop();
    else visit(childOf(frame, name), false);
    if (batch.length >= BATCH_ITEMS) {
      yield batch;
      batch = [];
    }
    const rest = slice.rest();
    if (rest !== undefined) await rest;
  }
  if (batch.length > 0) yield batch;
}

/** One path without what is below it; undefined where nothing (that can be kept) stands. */
export function look(place: Place, options: Omit<WalkOptions, 'select'>): WalkItem | undefined {
  const { path, key } = place;
  try {
    const stat = statIfThere(path);
    if (stat === undefined) return undefined;
    const { kind } = stat;
    if (kind === 'other') {
      options.on_skipped({ path, reason: 'neither a file, a folder nor a symlink' });
      return undefined;
    }
    if (kind !== 'symlink') return { key, path, kind, stat };
    const target = readlinkSync(pathForSystem(path), { encoding: 'buffer' });
    return { key, path, kind, stat, target };
  } catch (error) {
    if (!isGone(error)) options.on_unreadable({ path, key, reason: reasonOf(error) });
    return undefined;
  }
}

/** It went away while it was looked at, or a folder above it is no folder any more. */
export function isGone(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function openFolder(place: Place, options: WalkOptions): Frame {
  try {
    const names = readdirSync(pathForSystem(place.path), { encoding: 'latin1' });
    return { ...place, names: names.sort(), at: 0 };
  } catch (error) {
    if (!isGone(error)) options.on_unreadable({ ...place, reason: reasonOf(error) });
    return { ...place, names: [], at: 0 };
  }
}

function childOf(folder: Place, name: string): Place {
  const text = /^[ -~]*$/.test(name) ? name : bytesToPath(Buffer.from(name, 'latin1'));
  return {
    path: folder.path === '/' ? `/${text}` : `${folder.path}/${text}`,
    key: folder.key === '' ? name : `${folder.key}\0${name}`,
  };
}
