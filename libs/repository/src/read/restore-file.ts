import type { PackedMetadata } from '../threads/messages.ts';
import type { StoredEntry } from '../tree/entry-codec.ts';
import type { Destination, OutputFile } from './output-file.ts';

/** Why a path was not restored, or not in full. */
export interface Failure {
  readonly reason: string;
  /** The repository does not hold what it should. */
  readonly is_damage: boolean;
}

/** A file on its way from the repository to its place. */
export interface RestoreFile {
  readonly key: string;
  readonly entry: StoredEntry;
  readonly to: Destination;
  readonly metadata: PackedMetadata;
  /** Names that stand there of the same inode are this file's, too: their metadata may be set. */
  readonly is_linked: boolean;
  pieces_left: number;
  /** Of several pieces: it is open until the last one is written. */
  output?: OutputFile;
  failure?: Failure;
  notes: string[];
}

/** A file of an entry with nothing written yet. */
export function newRestoreFile(key: string, entry: StoredEntry, to: Destination): RestoreFile {
  const is_linked = entry.link_group !== undefined;
  return { key, entry, to, metadata: packMetadata(entry), is_linked, pieces_left: 0, notes: [] };
}

/** Metadata in a shape that goes to another thread: without the node that the entry is a view of. */
export function packMetadata(entry: StoredEntry): PackedMetadata {
  const { mode, uid, gid, mtime_ns, xattrs } = entry;
  const metadata = { mode, uid, gid, mtime_ns };
  return xattrs === undefined ? metadata : { ...metadata, packed_xattrs: new Uint8Array(xattrs) };
}
