import type { WorkProgress } from '@holdfast/contracts/http/progress';
import type { Entry, Progress } from '@holdfast/repository/api';
import type { WorkMeter } from '@holdfast/runtime/work-meter';

/** What the engine tells of a restore. */
export function restoringFiles({ files_done, files_total, bytes_done, bytes_total }: Progress): WorkProgress {
  return {
    ...{ doing: 'restoring', items: 'files', items_done: files_done, items_total: files_total },
    ...{ bytes_done, bytes_total },
  };
}

/** Counts the files among entries, each when the next entry is asked for. */
export async function* metered(entries: AsyncIterable<Entry>, meter: WorkMeter): AsyncGenerator<Entry> {
  for await (const entry of entries) {
    yield entry;
    if (entry.kind === 'file') meter.add(1, entry.size);
  }
}
