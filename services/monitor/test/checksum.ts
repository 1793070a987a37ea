import { createHash } from 'node:crypto';

/** As events spell it. */
export function checksumOf(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
