import { Presets, SingleBar } from 'cli-progress';
import { bytes } from './print.ts';

export interface BarProgress {
  readonly files_done: number;
  /** Given where only files tell how far it is: nobody knows how many bytes there are. */
  readonly files_total?: number | null;
  readonly bytes_done: number;
  readonly bytes_total: number | null;
}

export interface ProgressBar extends Disposable {
  update(progress: BarProgress): void;
}

const NO_BAR: ProgressBar = { update: () => undefined, [Symbol.dispose]: () => undefined };

export interface BarOptions {
  readonly quiet: boolean;
  /** What is counted; default: files. */
  readonly noun?: string;
  /** What is being done; default: what was asked for. */
  readonly doing?: string;
  /** Default: stderr. */
  readonly stream?: NodeJS.WriteStream;
}

const FORMAT = '{doing}{bar} {percentage}%  {files} {noun}  {done} of {whole}  {rate}/s  ETA {eta_formatted}';

/** Bytes, rate and time to go on stderr; nothing where that is no terminal. */
export function startProgressBar(options: BarOptions): ProgressBar {
  const { quiet, noun = 'files', doing, stream = process.stderr } = options;
  if (quiet || !stream.isTTY) return NO_BAR;
  const bar = new SingleBar(
    { format: FORMAT, stream, hideCursor: true, clearOnComplete: true },
    Presets.rect,
  );
  // Where it was, and when, as this bar heard of it for the first time.
  let begun: { at_ms: number; done: number } | undefined;
  const fixed = { noun, doing: doing === undefined ? '' : `${doing} ` };
  bar.start(1, 0, { ...fixed, files: 0, done: bytes(0), whole: '…', rate: '–' });
  return {
    update({ files_done, files_total = null, bytes_done, bytes_total }) {
      const by_files = bytes_total === null && files_total !== null;
      const [done, total] = by_files ? [files_done, files_total] : [bytes_done, bytes_total];
      const shown = by_files ? String : bytes;
      begun ??= { at_ms: performance.now(), done };
      const seconds = Math.max(0.001, (performance.now() - begun.at_ms) / 1000);
      bar.setTotal(Math.max(1, total ?? done * 2));
      bar.update(done, {
        files: files_done,
        done: shown(done),
        whole: total === null ? '…' : shown(total),
        rate: shown(Math.round((done - begun.done) / seconds)),
      });
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}
