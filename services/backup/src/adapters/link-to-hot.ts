import { symlinkSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';

/**
 * Where the repository was put elsewhere, `DIR/repository` leads to it: who stands before the machine on the worst day
 * looks there. Nothing is done where something stands there.
 */
export function linkToHot(data_dir: string, location: string): void {
  const link = resolve(dataPaths(data_dir).repository);
  if (!isAbsolute(location) || resolve(location) === link) return;
  try {
    symlinkSync(location, link);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}
