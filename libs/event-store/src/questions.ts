import { type ErrorCode, HoldfastError, isErrorCode, isHoldfastError } from '@holdfast/contracts/errors';
import type { Answerer } from './event-store.ts';

type Reply = { ok: true; answer: unknown } | { ok: false; code: string; message: string };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A question or an answer on the wire: JSON. */
export function encode(payload: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(payload ?? null));
}

/** Runs the answerer; whatever it throws becomes a reply with its code. */
export async function replyTo(question: Uint8Array, answerer: Answerer): Promise<Uint8Array> {
  try {
    const answer = await answerer(JSON.parse(decoder.decode(question)));
    return encode({ ok: true, answer: answer ?? null } satisfies Reply);
  } catch (error) {
    const code: ErrorCode = isHoldfastError(error) ? error.code : 'internal';
    const message = Error.isError(error) ? error.message : String(error);
    return encode({ ok: false, code, message } satisfies Reply);
  }
}

/** The answer in a reply; throws what the answerer threw, as a HoldfastError. */
export function answerIn<Answer>(reply: Uint8Array): Answer {
  const parsed = JSON.parse(decoder.decode(reply)) as Reply;
  if (parsed.ok) return parsed.answer as Answer;
  throw new HoldfastError(isErrorCode(parsed.code) ? parsed.code : 'internal', parsed.message);
}
