import type { FastifyReply } from 'fastify';

/** Sends JSON that is text already, past the serializer: the events go out as the bytes that came in. */
export function sendJsonText(reply: unknown, text: string): FastifyReply {
  return (reply as FastifyReply).type('application/json; charset=utf-8').send(text);
}
