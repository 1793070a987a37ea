import type { HoldfastConfig } from '@holdfast/contracts/config';
import { isTree } from './tree.ts';

const SECRET =
  /(^|_)(secret|password|passphrase|token|webhook_url|smtp_url|mongodb_url|access_key|api_key|account_sid)$/;
const HIDDEN = '(set, not shown)';
/** `PGPASSWORD=… pg_dump`: what a command is given by name, to the end of its word. */
const GIVEN_SECRET = /\b(\w*(?:PASS|SECRET|TOKEN|KEY)\w*=).+/is;
/** A word as the shell reads it: blanks that are quoted are part of it; a quote that is never closed goes to the end. */
const SHELL_WORD =
  /(?:'[^']*(?:'|$)|"(?:\\.|[^"\\])*(?:"|$)|`[^`]*(?:`|$)|\$\([^)]*(?:\)|$)|\\.|\\$|[^\s'"`\\])+/gs;
const COMMANDS = new Set(['run', 'create', 'release']);

/** The configuration as anybody may see it: secrets are replaced, addresses lose their user and password. */
export function printableConfig(config: HoldfastConfig): Record<string, unknown> {
  return printable(config) as Record<string, unknown>;
}

function printable(value: unknown, key = ''): unknown {
  // A program with its arguments: each is one word, whatever is in it.
  if (Array.isArray(value) && COMMANDS.has(key)) return value.map((word) => withoutGiven(String(word)));
  if (Array.isArray(value)) return value.map((item) => printable(item, key));
  if (isTree(value)) {
    // What the commands of a source are given: any of it may be a secret.
    if (key === 'env') return Object.fromEntries(Object.keys(value).map((name) => [name, HIDDEN]));
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, printable(inner, name)]));
  }
  if (value === undefined || value === null || typeof value !== 'string') return value;
  if (SECRET.test(key)) return HIDDEN;
  if (COMMANDS.has(key)) return value.replaceAll(SHELL_WORD, withoutGiven);
  return key.endsWith('url') || key.endsWith('endpoint') ? withoutLogin(value) : value;
}

function withoutGiven(word: string): string {
  return word.replace(GIVEN_SECRET, '$1…');
}

// A webhook's path and query often are its password.
function withoutLogin(address: string): string {
  if (!URL.canParse(address)) return address;
  const { protocol, host, username, pathname, search } = new URL(address);
  const login = username === '' ? '' : '***@';
  const rest = pathname.length > 1 || search !== '' ? '/…' : '';
  return `${protocol}//${login}${host}${rest}`;
}
