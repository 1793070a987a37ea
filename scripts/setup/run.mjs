import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const TAIL_LINES = 12;

/** Runs a program quietly; resolves with its exit code and what it printed. Code 127: there is no such program. */
export function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const take = (piece) => {
      output += piece;
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => resolve({ code: 127, output: `${program}: ${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** The end of what a program printed: where the reason stands. */
export function tail(output) {
  return output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
}

/** The environment for package managers: where there is no home to write to, one under .cache. */
export function toolEnvironment(checkout) {
  const env = { ...process.env };
  if (isWritable(env.HOME)) return env;
  const home = join(checkout, '.cache', 'home');
  mkdirSync(home, { recursive: true });
  return { ...env, HOME: home };
}

function isWritable(folder) {
  if (!folder) return false;
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
