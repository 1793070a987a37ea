import { Presets, SingleBar } from 'cli-progress';
import { bytes } from './print.ts';

export interface BarProgress {
  readonly files_done: number;
  readonly bytes_done: number;
  readonly bytes_total: number | null;
}

export interface ProgressBar extends Disposable {
  update(progress: BarProgress): void;
}

const NO_BAR: ProgressBar = { update: () => undefined, [Symbol.dispose]: () => undefined };

/** Bytes, rate and time to go on stderr; nothing where that is no terminal. */
export function startProgressBar(options: { quiet: boolean; noun?: string }): ProgressBar {
  if (options.quiet || !process.stderr.isTTY) return NO_BAR;
  const format = '{bar} {percentage}%  {files} {noun}  {done} of {whole}  {rate}/s  ETA {eta_formatted}';
  const bar = new SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
    Presets.rect,
  );
  const started = performance.now();
  bar.start(1, 0, { noun: options.noun ?? 'files', files: 0, done: bytes(0), whole: '…', rate: '–' });
  return {
    update({ files_done, bytes_done, bytes_total }) {
      const seconds = Math.max(0.001, (performance.now() - started) / 1000);
      bar.setTotal(Math.max(1, bytes_total ?? bytes_done * 2));
      bar.update(bytes_done, {
        files: files_done,
        done: bytes(bytes_done),
        whole: bytes_total === null ? '…' : bytes(bytes_total),
        rate: bytes(Math.round(bytes_done / seconds)),
      });
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}
