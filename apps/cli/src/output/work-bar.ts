import type { WorkProgress } from '@holdfast/contracts/http/progress';
import { type BarOptions, type ProgressBar, startProgressBar } from './progress-bar.ts';

/** How far the system is with what was asked of it. */
export interface WorkBar extends Disposable {
  update(progress: WorkProgress): void;
}

/** A bar for each kind of work, one after the other; none before there is something to tell. */
export function startWorkBar(options: Pick<BarOptions, 'quiet' | 'stream'>): WorkBar {
  let bar: ProgressBar | undefined;
  let doing: string | undefined;
  return {
    update(progress) {
      const { items, items_done, items_total } = progress;
      if (doing !== progress.doing) {
        bar?.[Symbol.dispose]();
        doing = progress.doing;
        bar = startProgressBar({ ...options, noun: items, doing });
      }
      bar?.update({ ...progress, files_done: items_done, files_total: items_total });
    },
    [Symbol.dispose]: () => bar?.[Symbol.dispose](),
  };
}
