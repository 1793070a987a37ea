/** What is known of a folder's mtime around a recovery, in nanoseconds. */
export interface FolderTime {
  /** Before we touched it; null where we made it anew. */
  readonly before_ns: bigint | null;
  /** As the newest snapshot has it; null where no snapshot has the folder. */
  readonly stored_ns: bigint | null;
  /** When the last of its losses was detected. */
  readonly lost_at_ms: number;
}

const NS_PER_MS = 1_000_000n;
// What removes a tree removes its folders right after their files.
const SLACK_NS = 100n * NS_PER_MS;

/**
 * The mtime that a folder gets after files were put back into it; null: leave it. Where the loss itself was the last
 * change, the time from before the loss. Where something changed after it, the time of that change: a backup or a
 * build tool that goes by folder times must not miss it. Our own work never shows.
 */
export function folderTimeAfter(time: FolderTime): bigint | null {
  if (time.before_ns === null) return time.stored_ns;
  const lost_at_ns = BigInt(time.lost_at_ms) * NS_PER_MS;
  const loss_was_last = time.before_ns <= lost_at_ns + SLACK_NS;
  if (loss_was_last && time.stored_ns !== null && time.stored_ns <= time.before_ns) return time.stored_ns;
  return time.before_ns;
}
