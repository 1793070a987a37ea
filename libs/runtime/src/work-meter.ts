import type { ReportProgress, WorkProgress } from '@holdfast/contracts/http/progress';

/** Counts one kind of work. */
export interface WorkMeter {
  add(items: number, bytes: number): void;
}

/** What is to be done; a total that is left out is not known. */
export type MeteredWork = Pick<WorkProgress, 'doing' | 'items'> &
  Partial<Pick<WorkProgress, 'items_total' | 'bytes_total'>>;

/** Begins at nothing done, and tells of it at once; without somebody to tell it does nothing. */
export function createWorkMeter(report: ReportProgress | undefined, work: MeteredWork): WorkMeter {
  if (report === undefined) return { add: () => undefined };
  const { items_total = null, bytes_total = null } = work;
  let [items_done, bytes_done] = [0, 0];
  const tell = () => report({ ...work, items_total, bytes_total, items_done, bytes_done });
  tell();
  return {
    add: (items, bytes) => {
      items_done += items;
      bytes_done += bytes;
      tell();
    },
  };
}
