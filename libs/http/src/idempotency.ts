import { createHash } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Clock } from '@holdfast/runtime/clock';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface Kept {
  fingerprint: string;
  at_ms: number;
  /** Null while the first request is being worked on. */
  reply: { status: number; type: string; location: string | undefined; body: string } | null;
}

const MUTATIONS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const KEPT_MAX = 10_000;
const KEPT_FOR_MS = 24 * 60 * 60 * 1000;
const claims = new WeakMap<FastifyRequest, string>();

/**
 * A mutation that is sent again with the same `Idempotency-Key` is answered as it was the first time and not done
 * again: for a day, for the same token and route, as long as this process lives. Failures (5xx) are not kept. The same
 * key with another body is `idempotency_mismatch`; while the first is being worked on, `conflict`.
 */
export function answerRepeats(app: FastifyInstance, clock: Clock): void {
  const kept = new Map<string, Kept>();
  app.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key'];
    if (typeof key !== 'string' || !MUTATIONS.has(request.method)) return;
    const place = JSON.stringify([request.caller?.token_id ?? '', request.method, request.url, key]);
    const fingerprint = createHash('sha256')
      .update(JSON.stringify(request.body ?? null))
      .digest('hex');
    const found = kept.get(place);
    if (found === undefined || clock.now_ms() - found.at_ms > KEPT_FOR_MS) {
      makeRoom(kept);
      kept.set(place, { fingerprint, at_ms: clock.now_ms(), reply: null });
      claims.set(request, place);
      return;
    }
    return repeat(found, fingerprint, reply);
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const entry = kept.get(claims.get(request) ?? '');
    if (entry !== undefined && reply.statusCode < 500 && (typeof payload === 'string' || payload === null)) {
      entry.reply = {
        status: reply.statusCode,
        type: String(reply.getHeader('content-type') ?? 'application/json'),
        location: reply.getHeader('location')?.toString(),
        body: payload ?? '',
      };
    }
    return payload;
  });
  const release = async (request: FastifyRequest) => {
    const place = claims.get(request) ?? '';
    if (kept.get(place)?.reply === null) kept.delete(place);
  };
  app.addHook('onResponse', release);
  app.addHook('onRequestAbort', release);
}

function repeat({ fingerprint, reply: first }: Kept, now: string, reply: FastifyReply): FastifyReply {
  if (fingerprint !== now)
    throw new HoldfastError('idempotency_mismatch', 'the key was sent with another body');
  if (first === null)
    throw new HoldfastError('conflict', 'the first request with this key is still being worked on');
  if (first.location !== undefined) reply.header('location', first.location);
  return reply.code(first.status).type(first.type).header('idempotent-replayed', 'true').send(first.body);
}

// Oldest first: a Map keeps the order in which keys came.
function makeRoom(kept: Map<string, Kept>): void {
  for (const place of kept.keys()) {
    if (kept.size < KEPT_MAX) return;
    kept.delete(place);
  }
}
