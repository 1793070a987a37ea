import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';

/**
 * Runs a server that dies with us. A process that is killed runs no handler, so a shell stands between: its watcher reads
 * a pipe that only we hold, and the kernel closes that when we are gone, however we went. Then the server is asked to
 * end, and after a second made to. The session of its own keeps a Ctrl-C at the terminal from the server: we stop it
 * ourselves, after the services.
 */
const GUARDIAN = `
exec 3<&0 </dev/null
output=$1
shift
"$@" 3<&- >>"$output" 2>&1 &
server=$!
(
  read -r gone <&3
  kill -TERM $server
  for wait in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 $server || exit 0
    sleep 0.1
  done
  kill -KILL $server
) 2>/dev/null >/dev/null &
watcher=$!
echo $server
wait $server
status=$?
kill -KILL $watcher 2>/dev/null
exit $status
`;

/** A server under guard. */
export interface Guarded {
  /** Of the server itself. */
  readonly pid: number;
  /** Resolves when the server is gone. */
  readonly exited: Promise<void>;
  /** Asks it to end; makes it after `grace_ms`. */
  stop(grace_ms: number): Promise<void>;
  /** At once: for one that does not answer. */
  kill(): void;
}

/** Starts `command` under a guardian, with what it prints added to the file `output`. */
export async function startGuarded(command: readonly string[], output: string): Promise<Guarded> {
  const shell = spawn('/bin/sh', ['-c', GUARDIAN, 'holdfast-guardian', output, ...command], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH },
    detached: true,
  });
  const pid = await serverPid(shell);
  const exited = once(shell, 'exit').then(([, signal]) => {
    // The guardian alone was killed: the server goes too.
    if (signal !== null) send(pid, 'SIGKILL');
    shell.stdin?.destroy();
  });
  return {
    pid,
    exited,
    kill: () => send(pid, 'SIGKILL'),
    stop: async (grace_ms) => {
      send(pid, 'SIGTERM');
      const timer = setTimeout(() => send(pid, 'SIGKILL'), grace_ms);
      await exited;
      clearTimeout(timer);
    },
  };
}

async function serverPid(shell: ChildProcess): Promise<number> {
  if (shell.stdout === null) throw new HoldfastError('internal', 'the guardian has no output');
  shell.stdin?.on('error', () => undefined);
  const failed = once(shell, 'error').then(([error]) => {
    throw error;
  });
  const lines = createInterface(shell.stdout);
  try {
    const [line] = await Promise.race([once(lines, 'line'), failed]);
    return Number(line);
  } finally {
    lines.close();
    failed.catch(() => undefined);
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}
