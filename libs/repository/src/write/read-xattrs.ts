import koffi, { type KoffiFunc } from 'koffi';
import { pathToBytes } from '../paths.ts';
import { encodeXattrs, type RawXattr } from '../tree/xattr-codec.ts';

type Target<Of> = {
  readonly list: KoffiFunc<(of: Of, names: Uint8Array, size: number) => number>;
  readonly get: KoffiFunc<(of: Of, name: Uint8Array, value: Uint8Array, size: number) => number>;
};

interface SystemCalls {
  readonly by_fd: Target<number>;
  readonly by_path: Target<Uint8Array>;
}

/** Most files have none, or a few: the kernel takes memory for as much as is asked for, and 64 KiB cost it a microsecond or two. */
const NAMES_FEW = 512;
/** The kernel's limits for the names of one file and for one value: no buffer can be too small. */
const NAMES_MAX = 64 * 1024;
const VALUE_MAX = 64 * 1024;

let loaded: SystemCalls | undefined;
let names_buffer: Buffer | undefined;
let value_buffer: Buffer | undefined;

/** The attributes of an open file, encoded for its entry; undefined where it has none (or the system keeps none). */
export function readXattrsOf(fd: number): Buffer | undefined {
  return process.platform === 'linux' ? readAll(system().by_fd, fd) : undefined;
}

/** The same for a folder or a symlink itself. */
export function readXattrsAt(path: string): Buffer | undefined {
  if (process.platform !== 'linux') return undefined;
  return readAll(system().by_path, Buffer.concat([pathToBytes(path), Buffer.alloc(1)]));
}

/**
 * No refusal is an error: a file system without attributes (ENOTSUP), one that may not be read (EPERM, EACCES), one
 * that was removed since it was listed (ENODATA). What can be read is kept, and a change of any of them shows in ctime.
 */
function readAll<Of>(calls: Target<Of>, of: Of): Buffer | undefined {
  names_buffer ??= Buffer.allocUnsafeSlow(NAMES_MAX);
  let length = calls.list(of, names_buffer, NAMES_FEW);
  if (length < 0 && koffi.errno() === koffi.os.errno['ERANGE'])
    length = calls.list(of, names_buffer, NAMES_MAX);
  if (length <= 0) return undefined;
  const found: RawXattr[] = [];
  for (const name of splitNames(Buffer.from(names_buffer.subarray(0, length)))) {
    value_buffer ??= Buffer.allocUnsafeSlow(VALUE_MAX);
    const size = calls.get(of, name, value_buffer, VALUE_MAX);
    if (size >= 0)
      found.push({ name: name.subarray(0, -1), value: Buffer.from(value_buffer.subarray(0, size)) });
  }
  return found.length === 0 ? undefined : encodeXattrs(found);
}

/** Each with the NUL that ends it. */
function* splitNames(names: Buffer): Generator<Buffer> {
  for (let at = 0; at < names.length; ) {
    const end = names.indexOf(0, at) + 1 || names.length;
    yield names.subarray(at, end);
    at = end;
  }
}

function system(): SystemCalls {
  if (loaded === undefined) {
    const library = koffi.load(null);
    loaded = {
      by_fd: {
        list: library.func('intptr_t flistxattr(int fd, uint8_t *list, uintptr_t size)'),
        get: library.func('intptr_t fgetxattr(int fd, const uint8_t *name, uint8_t *value, uintptr_t size)'),
      },
      by_path: {
        list: library.func('intptr_t llistxattr(const uint8_t *path, uint8_t *list, uintptr_t size)'),
        get: library.func(
          'intptr_t lgetxattr(const uint8_t *path, const uint8_t *name, uint8_t *value, uintptr_t size)',
        ),
      },
    };
  }
  return loaded;
}
