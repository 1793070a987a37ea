import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';

const SIZE = 300 << 20;

/** A btrfs in a file, mounted; gone when disposed. */
export interface Btrfs extends Disposable {
  readonly path: string;
}

/** Mounts one. Undefined where that is not possible here: no root, no tools, a kernel without it. */
export function mountBtrfs(): Btrfs | undefined {
  if (process.getuid?.() !== 0) return undefined;
  using made = new DisposableStack();
  const folder = made.use(tempDir());
  const [image, path] = [join(folder.path, 'image'), join(folder.path, 'mounted')];
  try {
    writeFileSync(image, '');
    truncateSync(image, SIZE);
    mkdirSync(path);
    execFileSync('mkfs.btrfs', ['-q', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, path], { stdio: 'ignore' });
  } catch {
    return undefined; // The test that needs it is skipped, and named.
  }
  made.defer(() => execFileSync('umount', [path]));
  const held = made.move();
  return { path, [Symbol.dispose]: () => held.dispose() };
}
