import type { Entry } from '@holdfast/repository/api';
import { localTime } from '../../output/print.ts';

const NS_PER_MS = 1_000_000n;

/** An entry as `--json` shows it; times have milliseconds there. */
export function entryAsJson(entry: Entry) {
  const { path, kind, size, mode, uid, gid, checksum, target, link_group } = entry;
  return {
    path,
    kind,
    size,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    mtime: mtimeOf(entry),
    checksum: checksum === '' ? null : checksum,
    ...(target !== undefined && { target }),
    ...(link_group !== undefined && { link_group }),
  };
}

/** `-rw-r--r--  1000  1000  12345  2026-11-23 01:47:00.123  /srv/x`: a row for people, as `ls -l` has it. */
export function entryAsRow(entry: Entry): unknown[] {
  const name = entry.target === undefined ? entry.path : `${entry.path} -> ${entry.target}`;
  return [modeText(entry), entry.uid, entry.gid, entry.size, localTime(mtimeOf(entry)), name];
}

export const ENTRY_HEAD = ['mode', 'uid', 'gid', 'size', 'modified', 'path'];

function mtimeOf(entry: Entry): string {
  return new Date(Number(entry.mtime_ns / NS_PER_MS)).toISOString();
}

function modeText(entry: Entry): string {
  const kinds = { file: '-', directory: 'd', symlink: 'l' };
  const bits = [...'rwxrwxrwx'].map((letter, index) => ((entry.mode >> (8 - index)) & 1 ? letter : '-'));
  return `${kinds[entry.kind]}${bits.join('')}`;
}
