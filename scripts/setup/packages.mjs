import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run, tail, toolEnvironment } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** A copy of the lock file that the installed packages were made from; `./holdfast` compares it too. */
const stampOf = (checkout) => join(checkout, 'node_modules', '.holdfast-lock.yaml');
const lockOf = (checkout) => join(checkout, 'pnpm-lock.yaml');

/** True where the installed packages are those of the lock file, and the pinned Node is there. */
export function packagesAreCurrent(checkout) {
  const stamp = stampOf(checkout);
  if (!existsSync(stamp) || !existsSync(join(checkout, 'node_modules', 'node', 'bin', 'node'))) return false;
  return readFileSync(stamp).equals(readFileSync(lockOf(checkout)));
}

/** Installs the packages and the pinned Node with the pinned pnpm. */
export async function ensurePackages(checkout) {
  if (packagesAreCurrent(checkout)) return;
  const { packageManager } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
  say(`installing the packages and the pinned Node with ${packageManager} (about a minute the first time)`);
  // CI: pnpm must never ask, there may be nobody to answer.
  const env = { ...toolEnvironment(checkout), CI: 'true', npm_config_loglevel: 'error' };
  const args = [
    '--yes',
    '--loglevel=error',
    packageManager,
    'install',
    '--frozen-lockfile',
    '--reporter=append-only',
  ];
  const { code, output } = await run('npx', args, { cwd: checkout, env });
  if (code === 127)
    throw new SetupError('npx is missing: install Node 20 or newer with npm (https://nodejs.org)');
  if (code !== 0) {
    process.stderr.write(`${tail(output)}\n`);
    const isNetwork = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|META_FETCH_FAIL|fetch failed/.test(output);
    const remedy = isNetwork ? '; is https://registry.npmjs.org reachable?' : ' and says why above';
    throw new SetupError(`the packages could not be installed: ${packageManager} failed${remedy}`);
  }
  const half = `${stampOf(checkout)}.${process.pid}`;
  mkdirSync(join(checkout, 'node_modules'), { recursive: true });
  copyFileSync(lockOf(checkout), half);
  renameSync(half, stampOf(checkout));
}
