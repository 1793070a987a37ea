import { isHoldfastError } from '@holdfast/contracts/errors';
import { readSecret } from '@holdfast/runtime/config';
import type { Attempt } from '../../domain/delivery/schedule.ts';

/** A setting is missing or is not what it should be: trying again does not help until somebody has mended it. */
class ChannelUnusable extends Error {
  override readonly name = 'ChannelUnusable';
}

/** The URL of a key, or in the file that its `*_file` key names; its value is in no error. */
export async function readUrl(
  key: string,
  value: string | undefined,
  file: string | undefined,
): Promise<URL> {
  const text = await readSecret(value, file);
  if (text === null) throw new ChannelUnusable(`neither ${key} nor ${key}_file is set`);
  const url = URL.parse(text);
  if (url === null) throw new ChannelUnusable(`${key} is not a URL`);
  return url;
}

/** Makes a mistake in a channel's settings part of its answer; anything else that is thrown is a defect and goes on. */
export async function orUnusable(send: () => Promise<Attempt>): Promise<Attempt> {
  try {
    return await send();
  } catch (error) {
    const mistaken = isHoldfastError(error) ? error.code === 'config_invalid' : isUnusable(error);
    if (!mistaken || !Error.isError(error)) throw error;
    return { outcome: 'refused', code: 'config_invalid', reason: error.message };
  }
}

function isUnusable(error: unknown): boolean {
  return Error.isError(error) && error.name === 'ChannelUnusable';
}
