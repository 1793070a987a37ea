import { spawn } from 'node:child_process';

/** Becomes another program: same process where Node can do that, else a child whose signals and exit code pass through. */
export function handOver(program, args, env = process.env) {
  if (typeof process.execve === 'function') process.execve(program, [program, ...args], env);
  return runThrough(program, args, env).then((code) => process.exit(code));
}

/** Runs a program on our terminal; resolves with its exit code (128 + n for a signal). */
export function runThrough(program, args, env = process.env) {
  const child = spawn(program, args, { stdio: 'inherit', env });
  const forward = (signal) => child.kill(signal);
  process.on('SIGTERM', forward);
  process.on('SIGHUP', forward);
  // A terminal gives Ctrl-C to both of us; passing it on would make it two, which means "at once".
  process.on('SIGINT', (signal) => process.stdin.isTTY || forward(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}
