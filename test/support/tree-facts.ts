import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { bytesToPath } from '@holdfast/repository/paths';

/** What a restore must bring back of one path. */
export interface PathFacts {
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permission bits, setuid, setgid and sticky; not of symlinks, which have none of their own. */
  readonly mode?: number;
  /** A decimal number: JSON has none of this size. */
  readonly mtime_ns: string;
  /** Of a file's bytes, hex. */
  readonly sha256?: string;
  /** Of a symlink; bytes that are not UTF-8 are lone surrogates. */
  readonly target?: string;
  /** The other names of a file, in order. */
  readonly also?: readonly string[];
}

/** A file, or a folder with all paths below it, each by its path without `prefix`. */
export function factsOf(root: string, prefix = ''): Record<string, PathFacts> {
  const paths = pathsBelow(Buffer.from(root));
  const links = linksOf(paths);
  const facts: Record<string, PathFacts> = {};
  const spell = (path: Buffer) => bytesToPath(path).slice(prefix.length);
  for (const path of paths) {
    const names = links.get(inodeOf(path)) ?? [];
    const also = names.filter((name) => !name.equals(path)).map(spell);
    facts[spell(path)] = { ...factsOfPath(path), ...(also.length > 0 && { also: also.sort() }) };
  }
  return facts;
}

/** The same without what only root may restore: setuid and setgid of another's file. */
export function forThisUser(facts: Record<string, PathFacts>): Record<string, PathFacts> {
  if (process.getuid?.() === 0) return facts;
  const lower = (one: PathFacts) => (one.mode === undefined ? one : { ...one, mode: one.mode & 0o1777 });
  return Object.fromEntries(Object.entries(facts).map(([path, one]) => [path, lower(one)]));
}

function factsOfPath(path: Buffer): PathFacts {
  const stat = lstatSync(path, { bigint: true });
  const mtime_ns = String(stat.mtimeNs);
  if (stat.isSymbolicLink()) {
    return { kind: 'symlink', mtime_ns, target: bytesToPath(readlinkSync(path, { encoding: 'buffer' })) };
  }
  const mode = Number(stat.mode & 0o7777n);
  if (stat.isDirectory()) return { kind: 'directory', mode, mtime_ns };
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  return { kind: 'file', mode, mtime_ns, sha256 };
}

function pathsBelow(path: Buffer): Buffer[] {
  if (!lstatSync(path).isDirectory()) return [path];
  const inside = readdirSync(path, { encoding: 'buffer' }).flatMap((name) =>
    pathsBelow(Buffer.concat([path, Buffer.from('/'), name])),
  );
  return [path, ...inside];
}

/** Names by inode, of files that have several. */
function linksOf(paths: readonly Buffer[]): Map<string, Buffer[]> {
  const files = paths.filter((path) => lstatSync(path).isFile());
  const groups = Map.groupBy(files, inodeOf);
  return new Map([...groups].filter(([, names]) => names.length > 1));
}

function inodeOf(path: Buffer): string {
  const { dev, ino } = lstatSync(path);
  return `${dev}:${ino}`;
}
