import { createRequire } from 'node:module';
import type { LibraryHandle } from 'koffi';

type Koffi = typeof import('koffi');

let koffi: Koffi | undefined;
let library: LibraryHandle | undefined;

/** Loaded when it is first needed: it costs a cold process more than all it is used for. */
function load(): Koffi {
  koffi ??= createRequire(import.meta.url)('koffi') as Koffi;
  return koffi;
}

/** The C library of this process. */
export function systemLibrary(): LibraryHandle {
  library ??= load().load(null);
  return library;
}

/** The error of the call that just failed, with its code, like those of `node:fs`. */
export function failedCall(call: string, path?: string): Error {
  const { errno, os } = load();
  const number = errno();
  const code = Object.entries(os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
  const what = path === undefined ? call : `${call} '${path}'`;
  return Object.assign(new Error(`${code}: ${what}`), {
    code,
    syscall: call,
    ...(path !== undefined && { path }),
  });
}
