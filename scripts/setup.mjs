#!/usr/bin/env node
// Installs what is missing, and nothing else: plain Node ≥ 20, no packages. Safe to run at any time, twice at once too.
//   node scripts/setup.mjs [packages]     `packages` leaves nats-server out
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './setup/lock.mjs';
import { ensureMongod } from './setup/mongod.mjs';
import { ensureNatsServer } from './setup/nats-server.mjs';
import { ensurePackages, packagesAreCurrent } from './setup/packages.mjs';
import { SetupError, say } from './setup/say.mjs';
import { ensureSecondReader } from './setup/second-reader.mjs';

export const CHECKOUT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
export const PINNED_NODE = join(CHECKOUT, 'node_modules', 'node', 'bin', 'node');

/** Makes the checkout ready; for `tests` with what only they need. Throws a SetupError with one clear line when it cannot. */
export async function setup({ nats = true, tests = false } = {}) {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20)
    throw new SetupError(`Node 20 or newer is needed, this is ${process.version}: https://nodejs.org`);
  const missing = [];
  if (!packagesAreCurrent(CHECKOUT)) missing.push(ensurePackages);
  if (nats && !(await ensureNatsServer.isThere(CHECKOUT))) missing.push(ensureNatsServer);
  if (tests && !(await ensureSecondReader.isThere(CHECKOUT))) missing.push(ensureSecondReader);
  if (tests && !(await ensureMongod.isThere(CHECKOUT))) missing.push(ensureMongod);
  if (missing.length === 0) return;
  const start = Date.now();
  await withLock(join(CHECKOUT, '.cache', 'setup.lock'), async () => {
    // Both at once; each looks again, because another set-up may just have done it.
    const results = await Promise.allSettled(missing.map((ensure) => ensure(CHECKOUT)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  });
  say(`ready in ${((Date.now() - start) / 1000).toFixed(1)} s`);
}

/** For the scripts: sets up, or prints the one line and ends the process. */
export async function setupOrExit(options) {
  try {
    await setup(options);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setupOrExit({ nats: process.argv[2] !== 'packages' });
}
