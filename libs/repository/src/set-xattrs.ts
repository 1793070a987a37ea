import type { KoffiFunc } from 'koffi';
import type { Xattr } from './api.ts';
import { reasonOf } from './errors.ts';
import { failedCall, systemLibrary } from './native.ts';
import { pathToBytes } from './paths.ts';

const IS_LINUX = process.platform === 'linux';
/** Of these the owner of a file may set its own; the system keeps others for privileged processes. */
const PRIVILEGED = /^(security|trusted)\./;

interface XattrCalls {
  readonly fsetxattr: KoffiFunc<
    (fd: number, name: Uint8Array, value: Uint8Array, size: number, flags: number) => number
  >;
  readonly lsetxattr: KoffiFunc<
    (path: Uint8Array, name: Uint8Array, value: Uint8Array, size: number, flags: number) => number
  >;
}

let loaded: XattrCalls | undefined;

function calls(): XattrCalls {
  if (loaded === undefined) {
    const library = systemLibrary();
    loaded = {
      fsetxattr: library.func(
        'int fsetxattr(int fd, const uint8_t *name, const uint8_t *value, size_t size, int flags)',
      ),
      lsetxattr: library.func(
        'int lsetxattr(const uint8_t *path, const uint8_t *name, const uint8_t *value, size_t size, int flags)',
      ),
    };
  }
  return loaded;
}

/** What is changed: an open file, or a name that is never followed. */
export type XattrPlace = { readonly fd: number } | { readonly path: string };

/** Before or after the mode is set: a mode without write takes the right to set `user.*`, and sets the ACL's mask. */
export type XattrStage = 'before_mode' | 'after_mode';

/**
 * Sets the attributes of that stage. Gives a line for each that could not be set; `security.*` and `trusted.*` are
 * passed over without a word where this process may not set them.
 */
export function setXattrs(place: XattrPlace, xattrs: readonly Xattr[], stage: XattrStage): string[] {
  const problems: string[] = [];
  for (const xattr of xattrs) {
    if (xattr.name.startsWith('user.') !== (stage === 'before_mode')) continue;
    try {
      setXattr(place, xattr);
    } catch (error) {
      if (!mayBePassedOver(xattr.name)) problems.push(`xattr ${xattr.name}: ${reasonOf(error)}`);
    }
  }
  return problems;
}

function setXattr(place: XattrPlace, { name, value }: Xattr): void {
  // Darwin's calls have another shape, and an own kind of attributes.
  if (!IS_LINUX) throw new Error('attributes are set on Linux only');
  const { fsetxattr, lsetxattr } = calls();
  const c_name = cString(name);
  const failed =
    'fd' in place
      ? fsetxattr(place.fd, c_name, value, value.length, 0) !== 0
      : lsetxattr(cString(place.path), c_name, value, value.length, 0) !== 0;
  if (failed) throw failedCall('setxattr');
}

function mayBePassedOver(name: string): boolean {
  return PRIVILEGED.test(name) && process.geteuid?.() !== 0;
}

function cString(text: string): Buffer {
  return Buffer.concat([pathToBytes(text), Buffer.alloc(1)]);
}
