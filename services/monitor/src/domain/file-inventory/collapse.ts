/** Files whose programs empty or cut them as a matter of course. */
const ROTATED = /(^|\/)[^/]*\.(log|out|err|pid|trace)(\.\d+)?$/i;
const LARGE_ENOUGH = 1024;
const SHARE_LEFT = 0.1;

/** True where a size tells that content was lost: a file that was emptied, or one that kept less than a tenth of over 1 KiB. */
export function isCollapse(path: string, size_before: number, size_now: number): boolean {
  if (ROTATED.test(path)) return false;
  if (size_now === 0) return size_before > 0;
  return size_before > LARGE_ENOUGH && size_now < size_before * SHARE_LEFT;
}
