import type { EventData } from '@holdfast/contracts/catalog';

/** What is known of one version of a file. Nanoseconds and inode numbers are text: they do not fit a double. */
export interface Facts {
  readonly size: number;
  readonly mtime_ns: string;
  readonly ctime_ns: string;
  /** `<device>:<inode>:<born, ns>`: the identity of a file under any name. */
  readonly inode: string;
  readonly checksum: string;
}

export type RetiredReason = EventData<'FileRetired'>['reason'];
export type DetectedBy = EventData<'FileDeleted'>['detected_by'];
export type CorruptionReason = EventData<'FileCorrupted'>['reason'];

/** An open loss: until the file stands again, or its absence becomes allowed. */
export interface LossCase {
  /** Of the incident: carried by every event about the case, its end included. */
  readonly correlationid: string;
  readonly opened_at_ms: number;
}

interface Row {
  readonly path: string;
  readonly source: string;
  /** Counts the events about this path. */
  readonly version: number;
  /** Of the last good version; of a suspect file, of the bytes that stand there. */
  readonly facts: Facts;
}

/**
 * One file of the registry.
 * `present`: as it should be. `suspect`: it stands, but no good version of it is known (it failed validation at first
 * sight). `missing`, `corrupted`: lost, with an open case. `retired`: gone, and that is no loss.
 */
export type FileRow =
  | (Row & { readonly state: 'present' })
  | (Row & { readonly state: 'suspect' })
  | (Row & { readonly state: 'missing'; readonly loss: LossCase })
  | (Row & {
      readonly state: 'corrupted';
      readonly loss: LossCase;
      readonly actual: Facts;
      /** Why the bytes that stand there are bad; absent in rows of older versions. */
      readonly problems?: readonly Problem[];
    })
  | (Row & { readonly state: 'retired'; readonly reason: RetiredReason });

export type FileState = FileRow['state'];
export const FILE_STATES = [
  'present',
  'suspect',
  'missing',
  'corrupted',
  'retired',
] as const satisfies FileState[];

/** One reason why content is not good. */
export interface Problem {
  readonly reason: CorruptionReason;
  readonly detail: string;
  readonly json_path?: string;
  readonly line?: number;
  readonly column?: number;
}

/** What the validators say of content. `judged` is false where none applies: then only the size can tell. */
export interface Verdict {
  readonly judged: boolean;
  /** All reasons why it is bad; none where it is good. */
  readonly problems?: readonly Problem[];
  /** What people should know of and what is no reason to replace anything. */
  readonly notes?: readonly Problem[];
}

/** True where validators found the content to be bad. */
export function isBadContent({ problems = [] }: Verdict): boolean {
  return problems.length > 0;
}

/** A file as it was read, settled. */
export interface Sighting {
  readonly path: string;
  readonly source: string;
  readonly facts: Facts;
  readonly verdict: Verdict;
  readonly by: DetectedBy;
  /** Sessions of the conversations that it holds, hashed, and what is known of their form; absent where nobody asked. */
  readonly sessions?: readonly string[];
  /** Somebody meant this content whatever the validators say: it is what git has for this path. */
  readonly intended?: boolean;
  /** Read to prove it, without a sign of a write: then a change below an unchanged stat is rot. */
  readonly scrubbed?: boolean;
}

type FileEventType =
  | 'FileRegistered'
  | 'FilesRegistered'
  | 'FileModified'
  | 'FileMoved'
  | 'FileRetired'
  | 'FileDeleted'
  | 'FileCorrupted';

/** An event that was decided; the caller gives it an id and a time. */
export type Draft = {
  [Type in FileEventType]: {
    readonly type: Type;
    readonly subject: string;
    readonly data: EventData<Type>;
    readonly aggregateversion: number;
    readonly correlationid?: string;
  };
}[FileEventType];

/** The outcome of one decision: rows to keep, paths to forget, events to tell. All of it or none is made durable. */
export interface Decision {
  readonly put: readonly FileRow[];
  readonly remove: readonly string[];
  readonly events: readonly Draft[];
  /** Sessions that stand in a file now; those known of it before are forgotten. */
  readonly sessions?: { readonly path: string; readonly ids: readonly string[] };
  /** A file goes on under another name, with the sessions that it holds. */
  readonly moved?: { readonly from: string; readonly to: string };
}

export const NOTHING: Decision = { put: [], remove: [], events: [] };

/** The rows after a decision: what the registry does, for tests and for replay. */
export function evolve(rows: ReadonlyMap<string, FileRow>, decision: Decision): Map<string, FileRow> {
  const next = new Map(rows);
  for (const path of decision.remove) next.delete(path);
  for (const row of decision.put) next.set(row.path, row);
  return next;
}

/** True while something protected is known to stand, or should stand, at the path. */
export function isKnown(row: FileRow | undefined): row is FileRow {
  return row !== undefined && row.state !== 'retired';
}

/** True while the file stands there as far as the registry knows, so that its absence is news. */
export function stands(row: FileRow | undefined): row is FileRow & { state: 'present' | 'suspect' } {
  return row?.state === 'present' || row?.state === 'suspect';
}
