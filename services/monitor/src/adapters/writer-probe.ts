import { findMappedForWriting, findOpenFiles, isWritable } from '@holdfast/runtime/open-files';

/** Those of the paths that some process has open for writing. Blocks for some milliseconds: meant for a worker thread. */
export function findWriters(paths: readonly string[]): string[] {
  const wanted = new Set(paths);
  const open = findOpenFiles((path) => wanted.has(path));
  return [...open].filter(([, handles]) => handles.some(isWritable)).map(([path]) => path);
}

/** Those of the paths that some process has mapped to write into. Blocks for some milliseconds more. */
export function findMappers(paths: readonly string[]): string[] {
  const wanted = new Set(paths);
  return [...findMappedForWriting((path) => wanted.has(path))];
}
