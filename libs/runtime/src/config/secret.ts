import { readFile } from 'node:fs/promises';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';

/**
 * A secret that is given as it is or in a file (`*_file`), without the line end. Null where neither is given;
 * `config_invalid` names the file that cannot be read or is empty. Read when it is needed, so that it can be changed
 * without a restart and never lies in the configuration.
 */
export async function readSecret(
  value: string | undefined,
  file: string | undefined,
): Promise<string | null> {
  if (value !== undefined) return value;
  if (file === undefined) return null;
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new HoldfastError('config_invalid', `${file}: the secret cannot be read (${systemCode(cause)})`, {
      cause,
    });
  });
  const secret = text.trimEnd();
  if (secret === '') throw new HoldfastError('config_invalid', `${file}: there is no secret in it`);
  return secret;
}
