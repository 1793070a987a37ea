import { styleText } from 'node:util';
import { asHoldfastError, EXIT, HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import { printable } from '@holdfast/runtime/printable';

/** Writes an error once, on stderr, as one clear line and a hint; answers the exit code that it stands for. */
export function reportError(thrown: unknown, stream: NodeJS.WritableStream = process.stderr): number {
  const error = asHoldfastError(thrown);
  if (!isHoldfastError(error)) {
    const text = Error.isError(error) ? (error.stack ?? error.message) : String(error);
    stream.write(`holdfast: unexpected failure: ${text.split('\n').map(printable).join('\n')}\n`);
    return EXIT.failed;
  }
  const hint = styleText('dim', error.hint, { stream });
  const end = /[.?!]$/.test(error.message) ? '' : '.';
  stream.write(`${styleText('red', 'holdfast:', { stream })} ${printable(error.message)}${end} ${hint}\n`);
  return error.exit_code;
}

/** A mistake on the command line: exit code 2. */
export function usageError(message: string): HoldfastError {
  return new HoldfastError('bad_request', message);
}

/** The number of a `--port`; 0 takes a free one. */
export function portNumber(given: string): number {
  const port = Number(given);
  if (!/^\d+$/.test(given) || port > 65_535) throw usageError(`--port ${given}: a port is 0 to 65535`);
  return port;
}
