import { basename, dirname, extname } from 'node:path';
import type { Draft } from '../file-inventory/state.ts';
import type { Shape } from './shape.ts';

/**
 * What one change can mean. `scrambled`: the content became noise; `renamed`: a new ending was put behind the name;
 * `replaced`: it is gone, and noise stands beside it under its name with a new ending; `deleted`: it is lost; `note`: a new file with
 * the name of a ransom note; `canary`: a file that nobody has a reason to touch was touched.
 */
export type SignKind = 'scrambled' | 'renamed' | 'replaced' | 'deleted' | 'note' | 'canary';

/** A change that ordinary work seldom makes, and that attacks make many times. */
export interface Sign {
  readonly source: string;
  /** Of the file that suffered; of a note, the note. */
  readonly path: string;
  readonly kind: SignKind;
  readonly at_ms: number;
  readonly bytes: number;
  readonly entropy: number | null;
}

/** What is known beside the event. */
export interface SignContext {
  readonly at_ms: number;
  /** Of the bytes that stand at the path now; undefined where they were not read. */
  readonly shape: Shape | undefined;
  readonly isCanary: (path: string) => boolean;
  /** True while a file is, or was, known at a path. */
  readonly isKnown: (path: string) => boolean;
}

/** Endings that people and their tools put behind names. */
const ORDINARY = new Set(
  '.1 .2 .3 .bak .backup .br .bz2 .copy .gz .lock .lz4 .old .orig .part .rej .save .sample .swp .tmp .xz .zip .zst'.split(
    ' ',
  ),
);
const NOTE =
  /(decrypt|recover|restore|ransom|unlock|how.?to|read.?(me|it)).*(decrypt|files?|data|ransom|unlock|restore|instruction|recover)/i;
const NOTE_ENDINGS = new Set(['.txt', '.html', '.hta', '.md', '.rtf', '']);
const NOTE_BYTES_MAX = 64 * 1024;
const NOISE_BITS = 7;

/** The sign that a decided event is, or undefined. */
export function signOf(draft: Draft, context: SignContext): Sign | undefined {
  const found = kindOf(draft, context);
  if (found === undefined) return undefined;
  const { source } = draft.data;
  const bytes = 'size' in draft.data ? draft.data.size : 0;
  return { source, at_ms: context.at_ms, bytes, entropy: context.shape?.entropy ?? null, ...found };
}

function kindOf(draft: Draft, context: SignContext): Pick<Sign, 'kind' | 'path'> | undefined {
  switch (draft.type) {
    case 'FileDeleted':
      return { path: draft.data.path, kind: context.isCanary(draft.data.path) ? 'canary' : 'deleted' };
    case 'FileModified':
    case 'FileCorrupted':
      return kindOfContent(draft.data.path, context);
    case 'FileMoved': {
      const { from, path } = draft.data;
      if (context.isCanary(from)) return { path: from, kind: 'canary' };
      return isAttack(from, path) ? { path: from, kind: 'renamed' } : undefined;
    }
    case 'FileRegistered':
      return kindOfNew(draft.data, context);
    default:
      return undefined;
  }
}

function kindOfContent(path: string, { isCanary, shape }: SignContext) {
  if (isCanary(path)) return { path, kind: 'canary' } as const;
  return shape?.is_scrambled === true ? ({ path, kind: 'scrambled' } as const) : undefined;
}

function kindOfNew({ path, size }: { path: string; size: number }, { shape, isKnown }: SignContext) {
  if (isNote(path, size)) return { path, kind: 'note' } as const;
  const victim = path.slice(0, path.length - extname(path).length);
  const is_noise = (shape?.entropy ?? 0) >= NOISE_BITS;
  const is_replaced = is_noise && isAttack(victim, path) && isKnown(victim);
  return is_replaced ? ({ path: victim, kind: 'replaced' } as const) : undefined;
}

/** True where a name got a further ending that is no ordinary one: `a.json` became `a.json.locked`. */
function isAttack(from: string, to: string): boolean {
  const ending = extname(to).toLowerCase();
  return (
    dirname(from) === dirname(to) &&
    basename(to).startsWith(`${basename(from)}.`) &&
    extname(from) !== '' &&
    ending !== '' &&
    !ORDINARY.has(ending)
  );
}

function isNote(path: string, size: number): boolean {
  const ending = extname(path).toLowerCase();
  return size <= NOTE_BYTES_MAX && NOTE_ENDINGS.has(ending) && NOTE.test(basename(path, extname(path)));
}
