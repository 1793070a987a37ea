import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ErrorCode, HoldfastError, isErrorCode, systemCode } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';
import type { Command } from 'commander';

/** How a command finds the running system. */
export interface ConnectionOptions {
  url?: string;
  token?: string;
  data?: string;
  json?: boolean;
}

/** Talks HTTP to a running system; rejects with the HoldfastError that its problem reply names. */
export interface Client {
  get<Answer>(path: string, query?: Record<string, string | undefined>): Promise<Answer>;
  send<Answer>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer>;
  /** The reply as it comes, for streams. */
  open(path: string, init?: RequestInit): Promise<Response>;
  /** The same, but a refusal is an answer too. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

/** Adds the options that every command has that talks to a running system. */
export function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'address of the running system (HOLDFAST_URL)')
    .option('--token <token>', 'access token (HOLDFAST_TOKEN); on the same machine it is found by itself')
    .option('--data <dir>', 'its data folder (HOLDFAST_DATA_DIR)')
    .option('--json', 'one JSON document on stdout and nothing else');
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

export function connect(options: ConnectionOptions): Client {
  const paths = dataPaths(resolve(options.data ?? process.env['HOLDFAST_DATA_DIR'] ?? '.holdfast'));
  const found = readIfThere(paths.url) ?? 'http://127.0.0.1:8420';
  const base = (options.url ?? process.env['HOLDFAST_URL'] ?? found).replace(/\/$/, '');
  // The token that lies here is the admin's of this machine: it goes to no other.
  const local = base === found || LOOPBACK.has(hostOf(base)) ? readIfThere(paths.admin_token) : undefined;
  const token = options.token ?? process.env['HOLDFAST_TOKEN'] ?? local;

  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    return fetch(base + path, { ...init, headers }).catch((cause: unknown) => {
      throw new HoldfastError('unreachable', `nothing answers at ${base}`, { cause });
    });
  };
  const open = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const answer = await ask(path, init);
    if (!answer.ok) throw problemOf(await answer.text(), answer.status);
    return answer;
  };
  return {
    ask,
    open,
    get: async (path, query = {}) => {
      const given = Object.entries(query).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
      return (await open(path + search)).json() as never;
    },
    send: async (method, path, body) => {
      const content =
        body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      const answer = await open(path, { method, ...content });
      return (answer.status === 204 ? undefined : await answer.json()) as never;
    },
  };
}

function hostOf(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new HoldfastError('bad_request', `${url} is no http:// or https:// address`);
  return parsed.hostname;
}

/** The error that a problem reply stands for; its own text where it is none. */
export function problemOf(text: string, status = 500): HoldfastError {
  let problem: { code?: string; detail?: string; title?: string } = {};
  try {
    problem = JSON.parse(text);
  } catch {
    problem = { detail: text.slice(0, 200) };
  }
  const message = problem.detail ?? problem.title ?? `HTTP ${status}`;
  return new HoldfastError(knownCode(problem.code, status), message);
}

function knownCode(code: string | undefined, status: number): ErrorCode {
  if (isErrorCode(code)) return code;
  const byStatus: Record<number, ErrorCode> = {
    400: 'bad_request',
    401: 'unauthenticated',
    403: 'forbidden',
    404: 'not_found',
    409: 'conflict',
  };
  return byStatus[status] ?? (status >= 500 ? 'unavailable' : 'internal');
}

function readIfThere(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (systemCode(error) === 'EACCES') return undefined;
    throw error;
  }
}
