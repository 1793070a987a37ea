import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';
import { systemCode } from '../errors.ts';
import { applyMetadataTo } from '../metadata.ts';
import { pathForSystem } from '../paths.ts';
import { asBuffer } from '../threads/keys-over-threads.ts';
import type { FileToVerify, FileVerdict, PackedMetadata, VerifyFiles } from '../threads/messages.ts';
import { HeldFolders, pathIn } from './held-folders.ts';
import { pathOf } from './output-file.ts';
import { unpackMetadata } from './write-blocks.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const DIGEST_BYTES = 32;
const READ_BYTES = 1024 * 1024;
const MODE_BITS = 0o7777n;
const WRONG: FileVerdict = { is_right: false, notes: [] };
/** What stands there cannot be read, is another kind of thing, or is gone: it is written anew. */
const PASSED_OVER = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENXIO']);

/**
 * Says which files are already what they should be: same size, same mtime, and the same bytes, which are read. Those
 * are given the mode, owner and attributes that they lack. Synchronous.
 */
export function verifyFiles(task: VerifyFiles): FileVerdict[] {
  const digests = asBuffer(task.digests);
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  using folders = new HeldFolders();
  return task.files.map((file, index) => {
    const digest = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
    try {
      const verify = (at: string) => verifyFile(file, digest, { at, buffer, dry_run: task.dry_run });
      return folders.within(file.folder, verify);
    } catch (error) {
      if (!PASSED_OVER.has(systemCode(error) ?? '')) throw error;
      return WRONG;
    }
  });
}

function verifyFile(
  file: FileToVerify,
  digest: Buffer,
  how: { at: string; buffer: Buffer; dry_run: boolean },
): FileVerdict {
  const path = pathForSystem(pathIn(how.at, file.name));
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined || !mayBeRight(stat, file)) return WRONG;
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!digestOf(fd, how.buffer).equals(digest)) return WRONG;
    const is_same = hasMetadata(stat, file.metadata);
    if (is_same || how.dry_run) return { is_right: true, notes: [] };
    // Another name of it may lie outside of the target: its metadata is not ours to change.
    if (stat.nlink > 1n && !file.is_linked) return WRONG;
    return { is_right: true, notes: applyMetadataTo(fd, pathOf(file), unpackMetadata(file.metadata)) };
  } finally {
    closeSync(fd);
  }
}

function mayBeRight(stat: BigIntStats, file: FileToVerify): boolean {
  return stat.isFile() && stat.size === BigInt(file.size) && stat.mtimeNs === file.metadata.mtime_ns;
}

function hasMetadata(stat: BigIntStats, { mode, uid, gid, packed_xattrs }: PackedMetadata): boolean {
  const is_ours = stat.uid === BigInt(uid) && stat.gid === BigInt(gid);
  return is_ours && (stat.mode & MODE_BITS) === BigInt(mode) && packed_xattrs === undefined;
}

function digestOf(fd: number, buffer: Buffer): Buffer {
  const hash = createHash('sha256');
  for (;;) {
    const length = readSync(fd, buffer, 0, buffer.length, null);
    if (length === 0) return hash.digest();
    hash.update(buffer.subarray(0, length));
  }
}
