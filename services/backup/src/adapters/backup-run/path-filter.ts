import { compilePattern } from '@holdfast/runtime/path-pattern';

/**
 * True for paths that one of the globs means. A glob that begins with `/` is for absolute paths, others for names and
 * ends of paths anywhere; what matches a folder takes all that is in it.
 */
export function pathFilter(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs.flatMap((glob) => {
    const trimmed = glob.replace(/(?<=.)\/+$/, '').replace(/^\.\//, '');
    const anchored = trimmed.startsWith('/') ? trimmed : `/**/${trimmed}`;
    return [compilePattern('/', anchored), compilePattern('/', `${anchored}/**`)];
  });
  return (path) => patterns.some((pattern) => pattern.matches(path));
}
