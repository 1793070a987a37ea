import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import type { CommandLine } from '@holdfast/contracts/source-commands';

/** A command of the configuration, and what it is given. */
export interface CommandRequest {
  readonly run: CommandLine;
  readonly working_folder: string;
  /** Beside what every process needs; nothing else of our own environment is handed on. */
  readonly env: Readonly<Record<string, string>>;
  /** Values that its output may hold and that nobody is to see; short ones are no secrets. */
  readonly secrets?: readonly string[];
  readonly timeout_ms: number;
  /** Ends it early. */
  readonly signal?: AbortSignal | undefined;
}

/** How it ended. */
export interface CommandOutcome {
  /** Null: it was ended, or did not start. */
  readonly exit_code: number | null;
  /** What went wrong, for people; null where it ended with exit code 0. */
  readonly problem: string | null;
  /** The last of what it wrote, on both of its ways out, without the secrets. */
  readonly output: string;
  readonly duration_ms: number;
}

const HANDED_ON = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
const OUTPUT_MAX = 4096;
const SECRET_MIN = 4;
const HIDING = '…';
const HIDINGS = /…+/g;
/** From the request to end to the end. */
const GRACE_MS = 5_000;
/** What it started and left may hold its output open: so long it is read on. */
const REST_MS = 200;

/**
 * Runs a command in a process group of its own and waits for it; never rejects. After the timeout, or where the signal
 * says so, the whole group is asked to end, and then made to.
 */
export async function runCommand(request: CommandRequest): Promise<CommandOutcome> {
  const started_ms = performance.now();
  const duration = () => Math.round(performance.now() - started_ms);
  let child: ChildProcess;
  try {
    child = start(request);
  } catch (error) {
    return { exit_code: null, problem: notStarted(error), output: '', duration_ms: duration() };
  }
  const output = collect(child, request.secrets ?? []);
  const how = await ending(child, request);
  child.stdout?.destroy();
  child.stderr?.destroy();
  return { ...how, output: output(), duration_ms: duration() };
}

type Ending = Pick<CommandOutcome, 'exit_code' | 'problem'>;

async function ending(child: ChildProcess, { timeout_ms, signal }: CommandRequest): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  let ended_by: string | null = null;
  let killing: NodeJS.Timeout | undefined;
  const end = (why: string) => {
    ended_by ??= why;
    signalGroup(child, 'SIGTERM');
    killing ??= setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
  };
  const onAbort = () => end('it was ended, as the service stops');
  const timer = setTimeout(() => end(`it was ended after ${timeout_ms} ms`), timeout_ms);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  child.on('error', (error) => resolve({ exit_code: null, problem: notStarted(error) }));
  child.on('exit', (code, killed_by) => {
    const how: Ending = { exit_code: code, problem: problemOf(code, killed_by) };
    if (ended_by !== null) {
      // What it started has heard the same, and has nobody any more who waits for it.
      signalGroup(child, 'SIGKILL');
      return resolve({ exit_code: null, problem: ended_by });
    }
    child.on('close', () => resolve(how));
    setTimeout(() => resolve(how), REST_MS).unref();
  });
  const how = await promise;
  clearTimeout(timer);
  clearTimeout(killing);
  signal?.removeEventListener('abort', onAbort);
  return how;
}

/** A word that means to the shell what it says. */
const PLAIN = /^[\w@%+.,/:=-]+$/;
const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/** What a command is called, without its arguments: these may hold secrets. `sh` where only the shell knows which word it is. */
export function commandName(run: CommandLine): string {
  if (typeof run !== 'string') return basename(run[0] ?? 'sh');
  for (const word of run.trim().split(/\s+/)) {
    if (!PLAIN.test(word)) return 'sh';
    if (!ASSIGNMENT.test(word)) return basename(word);
  }
  return 'sh';
}

function start({ run, working_folder, env }: CommandRequest): ChildProcess {
  const [program = '/bin/sh', ...args] = typeof run === 'string' ? ['/bin/sh', '-c', run] : run;
  return spawn(program, args, {
    cwd: working_folder,
    env: { ...handedOn(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

function handedOn(): Record<string, string> {
  const known = HANDED_ON.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(known.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function collect(child: ChildProcess, secrets: readonly string[]): () => string {
  const hidden = secrets.filter(({ length }) => length >= SECRET_MIN).sort((a, b) => b.length - a.length);
  // So much more is kept that the rest of a secret whose beginning was cut off lies before what is shown.
  const kept = OUTPUT_MAX + (hidden[0]?.length ?? 0);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('data', (piece: string) => {
      text = `${text}${piece}`.slice(-kept);
    });
  }
  // As long as what it hides until it is cut: a shorter one would let more of the beginning through.
  const blank = (shown: string, secret: string) => shown.replaceAll(secret, HIDING.repeat(secret.length));
  return () => hidden.reduce(blank, text).slice(-OUTPUT_MAX).replaceAll(HIDINGS, HIDING);
}

function problemOf(code: number | null, killed_by: NodeJS.Signals | null): string | null {
  if (code === 0) return null;
  return killed_by === null ? `exit code ${code}` : `it was ended by ${killed_by}`;
}

function notStarted(error: unknown): string {
  return `it did not start: ${Error.isError(error) ? error.message : String(error)}`;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone: that is what was wanted.
  }
}
