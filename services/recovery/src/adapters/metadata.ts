import { HoldfastError } from '@holdfast/contracts/errors';
import { applyMetadata, setTimes, syncFileSystemOf } from '@holdfast/repository/metadata';
import type { Metadata } from './disk.ts';

/** Modes, owners and times to the nanosecond, and a sync of a whole file system that does not stop this thread. */
export const systemMetadata: Metadata = {
  // The bytes are back: an attribute that this file system does not take is no reason to call them lost.
  applyMetadata: (path, entry) => void applyMetadata(path, entry),
  setTimes,
  syncFilesystem: async (fd) => {
    try {
      await syncFileSystemOf(fd);
    } catch (cause) {
      throw new HoldfastError('storage_failed', 'the file system could not be synced', { cause });
    }
  },
};
