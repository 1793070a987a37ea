import { z } from 'zod';

export const AccessDenied = z.object({
  host: z.string(),
  service: z.string(),
  method: z.string(),
  route: z.string(),
  role_needed: z.string(),
  token_id: z.string().nullable(),
  remote_address: z.string(),
  reason: z.enum(['no_token', 'unknown_token', 'role']),
});
export const TokenCreated = z.object({ token_id: z.string(), name: z.string(), role: z.string() });
export const TokenRevoked = TokenCreated;
export const ServiceStarted = z.object({ host: z.string(), service: z.string(), version: z.string() });
export const EventStoreRewound = z.object({
  stream: z.string(),
  expected_seq: z.number().int(),
  actual_seq: z.number().int(),
  epoch: z.number().int(),
  refilled: z.number().int(),
});
export const DeadLettered = z.object({
  stream: z.string(),
  consumer: z.string(),
  seq: z.number().int(),
  event_id: z.string().nullable(),
  event_type: z.string().nullable(),
  reason: z.string(),
});
