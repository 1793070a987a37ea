import { z } from 'zod';
import { Timestamp } from './envelope.ts';

export const Role = z.enum(['viewer', 'backup_operator', 'admin']);
export type Role = z.infer<typeof Role>;

/** Each role may do what the ones before it may. */
export function allows(role: Role, needed: Role): boolean {
  return Role.options.indexOf(role) >= Role.options.indexOf(needed);
}

/** What KV keeps of a token under its id: never the token itself. */
export const TokenRecord = z.object({
  token_id: z.string(),
  name: z.string(),
  role: Role,
  hash: z.string().describe('SHA-256 of the token, hex'),
  created_at: Timestamp,
  expires_at: Timestamp.nullable(),
});
export type TokenRecord = z.infer<typeof TokenRecord>;
