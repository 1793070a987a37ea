import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run, tail, toolEnvironment } from './run.mjs';
import { SetupError, say } from './say.mjs';

// test/support/second-reader.ts looks in the same places.
const venvOf = (checkout) => join(checkout, '.cache', 'second-reader', 'venv');
const wantedBy = (checkout) => join(checkout, 'test', 'second-reader', 'requirements.txt');
/** What the installed packages were made from; written last. */
const stampOf = (checkout) => join(venvOf(checkout), 'requirements.txt');
// Where there is no network this must not hold up the other tests for long.
const PIP = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1'];

/** Gets the Python packages of the second reader. Without them its tests are skipped, and with CI=true nothing runs. */
export async function ensureSecondReader(checkout) {
  if (await ensureSecondReader.isThere(checkout)) return;
  say('installing the Python packages of the second reader into .cache/second-reader');
  const reasons = [];
  for (const install of [byVenv, byPip]) {
    const reason = await install(checkout);
    if (reason === null) {
      copyFileSync(wantedBy(checkout), stampOf(checkout));
      return;
    }
    reasons.push(reason);
  }
  for (const reason of reasons) process.stderr.write(`${reason}\n`);
  const line = 'the second reader of the repository format needs Python ≥ 3.9 with pip, and PyPI';
  if (process.env.CI === 'true') throw new SetupError(line);
  say(`${line}: its tests will be skipped`);
}

ensureSecondReader.isThere = async (checkout) =>
  existsSync(stampOf(checkout)) &&
  readFileSync(stampOf(checkout)).equals(readFileSync(wantedBy(checkout))) &&
  (await works(checkout));

/** A Python that was upgraded or removed since leaves packages that do not load. */
async function works(checkout) {
  const venv = venvOf(checkout);
  const own = join(venv, 'bin', 'python3');
  const env = { ...process.env, PYTHONPATH: venv };
  const { code } = await run(existsSync(own) ? own : 'python3', ['-c', 'import cryptography, zstandard'], {
    env,
  });
  return code === 0;
}

async function byVenv(checkout) {
  const venv = venvOf(checkout);
  rmSync(venv, { recursive: true, force: true });
  const env = toolEnvironment(checkout);
  const made = await run('python3', ['-m', 'venv', venv], { env });
  if (made.code !== 0) return `python3 -m venv: ${tail(made.output)}`;
  const got = await run(join(venv, 'bin', 'python3'), [...PIP, '-r', wantedBy(checkout)], { env });
  return got.code === 0 ? null : `pip install: ${tail(got.output)}`;
}

// Debian's Python comes without venv; a folder of its own is as private.
async function byPip(checkout) {
  const venv = venvOf(checkout);
  rmSync(venv, { recursive: true, force: true });
  const env = toolEnvironment(checkout);
  const got = await run('python3', [...PIP, '--target', venv, '-r', wantedBy(checkout)], { env });
  return got.code === 0 ? null : `pip install --target: ${tail(got.output)}`;
}
