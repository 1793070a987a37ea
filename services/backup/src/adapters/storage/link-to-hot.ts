import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';

/**
 * Where the repository was put elsewhere, `DIR/repository` leads to it: who stands before the machine on the worst day
 * looks there. A folder that stands there is left alone.
 */
export function linkToHot(data_dir: string, location: string): void {
  const link = resolve(dataPaths(data_dir).repository);
  if (!isAbsolute(location) || resolve(location) === link || targetOf(link) === location) return;
  if (targetOf(link) === false) return;
  const beside = `${link}.${process.pid}.link`;
  rmSync(beside, { force: true });
  symlinkSync(location, beside);
  renameSync(beside, link);
}

/** Where a link leads; null: nothing stands there; false: it is no link. */
function targetOf(path: string): string | null | false {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    return false;
  }
}
