import fs from 'node:fs';
import type { Metadata } from '../src/adapters/disk.ts';

const seconds = (ns: bigint) => Number(ns / 1_000_000n) / 1000;

/** Modes and times as Node can set them, to the millisecond: for tests that need no engine. */
export const plainMetadata: Metadata = {
  applyMetadata(path, entry) {
    fs.chmodSync(path, entry.mode);
    fs.utimesSync(path, seconds(entry.mtime_ns), seconds(entry.mtime_ns));
  },
  setTimes: (path, { mtime_ns }) => fs.utimesSync(path, seconds(mtime_ns), seconds(mtime_ns)),
  syncFilesystem: async () => undefined,
};
