import { HoldfastError } from '@holdfast/contracts/errors';
import { applyMetadata, setTimes } from '@holdfast/repository/metadata';
import koffi from 'koffi';
import type { Metadata } from './disk.ts';

let syncfs: ReturnType<ReturnType<typeof koffi.load>['func']> | null | undefined;

/** Modes, owners and times to the nanosecond, and a sync of a whole file system that does not stop this thread. */
export const systemMetadata: Metadata = {
  applyMetadata,
  setTimes,
  syncFilesystem: (fd) =>
    new Promise((resolve, reject) => {
      syncfs ??= process.platform === 'linux' ? koffi.load(null).func('int syncfs(int fd)') : null;
      if (syncfs === null) return reject(new HoldfastError('storage_failed', 'this system has no syncfs'));
      syncfs.async(fd, (error: Error | null, result: number) => {
        if (error === null && result === 0) resolve();
        else
          reject(
            new HoldfastError('storage_failed', 'the file system could not be synced', { cause: error }),
          );
      });
    }),
};
