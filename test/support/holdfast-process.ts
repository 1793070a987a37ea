import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const CHECKOUT = new URL('../../', import.meta.url).pathname;
const START_TIMEOUT_MS = 60_000;

export interface HoldfastOptions {
  data_dir: string;
  /** Arguments of `up` after the data folder: folders, or `--config FILE`. */
  args: string[];
  env?: Record<string, string>;
}

/** One event as the audit answers it. */
export interface AuditedEvent {
  id: string;
  type: string;
  subject: string;
  time: string;
  correlationid: string;
  traceparent?: string;
  auditindex: number;
  data: Record<string, unknown>;
}

/** A real `./holdfast up` in a process of its own. */
export interface HoldfastProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly stderr: () => string;
  get<Answer>(path: string): Promise<Answer>;
  post<Answer>(path: string, body: unknown): Promise<Answer>;
  /** Every event of a query, all pages. */
  events(query?: Record<string, string>): Promise<AuditedEvent[]>;
  /** Ends the process (not its children) with a signal and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

export interface RunOptions {
  env?: Record<string, string>;
  uid?: number;
  cwd?: string;
  /** Ctrl-C when this resolves. */
  interrupt?: Promise<unknown>;
}

/** Runs the CLI to its end. */
export async function runCli(args: string[], options: RunOptions = {}) {
  const child = spawnCli(args, options);
  void options.interrupt?.then(() => child.kill('SIGINT'));
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr?.on('data', (piece) => {
    stderr += piece;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Starts it and waits for its `ready` line; rejects with its stderr where it ends before. */
export async function startHoldfastProcess({
  data_dir,
  args,
  env = {},
}: HoldfastOptions): Promise<HoldfastProcess> {
  const child = spawnCli(['up', '--data', data_dir, '--port', '0', ...args], { env });
  let errors = '';
  child.stderr?.on('data', (piece) => {
    errors += piece;
  });
  const url = await readyLine(child, () => errors);
  const token = readFileSync(join(data_dir, 'admin.token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };

  const call = async <Answer>(path: string, init: RequestInit): Promise<Answer> => {
    const answer = await fetch(url + path, { ...init, headers });
    if (!answer.ok)
      throw new Error(`${init.method ?? 'GET'} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  };
  const get = <Answer>(path: string) => call<Answer>(path, {});
  const kill = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  };
  return {
    url,
    pid: child.pid ?? 0,
    stderr: () => errors,
    get,
    post: (path, body) => call(path, { method: 'POST', body: JSON.stringify(body) }),
    events: (query = {}) => allEvents(get, query),
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill('SIGTERM');
    },
  };
}

function spawnCli(args: string[], { env = {}, uid, cwd }: Omit<RunOptions, 'interrupt'>) {
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  return spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(CHECKOUT, 'apps/cli/src/main.ts'), ...args],
    {
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
      ...(cwd === undefined ? {} : { cwd }),
    },
  );
}

async function readyLine(child: ChildProcess, errors: () => string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(`not ready in time: ${errors()}`)), START_TIMEOUT_MS);
  child.once('exit', (code) => reject(new Error(`ended with ${code} before it was ready: ${errors()}`)));
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('ready ')) resolve(line.slice('ready '.length).trim());
    });
  return promise.finally(() => clearTimeout(timer));
}

async function allEvents(
  get: <Answer>(path: string) => Promise<Answer>,
  query: Record<string, string>,
): Promise<AuditedEvent[]> {
  const events: AuditedEvent[] = [];
  let cursor: string | null = null;
  do {
    const search = new URLSearchParams({ ...query, limit: '1000', ...(cursor === null ? {} : { cursor }) });
    const page: { items: AuditedEvent[]; next_cursor: string | null } = await get(
      `/api/audit/events?${search}`,
    );
    events.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return events;
}
