import type { Entry } from '@holdfast/repository/api';
import { localTime } from '../../output/print.ts';

const NS_PER_MS = 1_000_000n;

/** An entry as `--json` shows it; times have milliseconds there. */
export function entryAsJson(entry: Entry) {
  const { path, kind, size, mode, uid, gid, checksum, target, link_group, xattrs, sparse } = entry;
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
    ...(sparse && { sparse }),
    ...(xattrs !== undefined && { xattrs: xattrs.map(({ name }) => name) }),
  };
}

/** `-rw-r--r--  1000  1000  12345  2026-11-23 01:47:00.123  /srv/x`: a row for people, as `ls -l` has it. */
export function entryAsRow(entry: Entry): (string | number)[] {
  const name = entry.target === undefined ? entry.path : `${entry.path} -> ${entry.target}`;
  return [modeText(entry), entry.uid, entry.gid, entry.size, localTime(mtimeOf(entry)), name];
}

/** The same as a line whose columns stand below each other without a look at the other lines. */
export function entryAsLine(entry: Entry): string {
  const [mode, uid, gid, size, time, name] = entryAsRow(entry).map(String);
  return `${mode} ${uid?.padStart(5)} ${gid?.padStart(5)} ${size?.padStart(12)} ${time} ${name}`;
}

export const ENTRY_HEAD = ['mode', 'uid', 'gid', 'size', 'modified', 'path'];

/** Setuid, setgid and sticky stand in the place of an x: small where that is set too. */
const SPECIAL_BITS = [
  { bit: 0o4000, at: 2, letter: 's' },
  { bit: 0o2000, at: 5, letter: 's' },
  { bit: 0o1000, at: 8, letter: 't' },
];

function mtimeOf(entry: Entry): string {
  return new Date(Number(entry.mtime_ns / NS_PER_MS)).toISOString();
}

function modeText(entry: Entry): string {
  const kinds = { file: '-', directory: 'd', symlink: 'l' };
  const bits = [...'rwxrwxrwx'].map((letter, index) => ((entry.mode >> (8 - index)) & 1 ? letter : '-'));
  for (const { bit, at, letter } of SPECIAL_BITS) {
    if ((entry.mode & bit) !== 0) bits[at] = bits[at] === '-' ? letter.toUpperCase() : letter;
  }
  return `${kinds[entry.kind]}${bits.join('')}`;
}
