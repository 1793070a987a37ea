import { ERRORS, type ErrorCode, HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';

/** RFC 9457 problem details; `code` is one of the catalogue and stays the same for ever. */
export const Problem = z.object({
  type: z.string().describe('urn:holdfast:error:<code>'),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  hint: z.string(),
  instance: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;

/** Turns whatever a handler threw into a problem reply: what nobody expected is told in general. */
export function replyWithError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemReply(error, request);
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

/** What a problem reply says of whatever was thrown. What nobody expected is logged in full. */
export function problemReply(error: unknown, request: FastifyRequest): Problem {
  const problem = problemOf(error, request);
  if (problem.status >= 500)
    request.log.error({ err: error, route: request.routeOptions.url }, 'request failed');
  return problem;
}

/** The reply where no route is. */
export function replyNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return replyWithError(
    new HoldfastError('not_found', `there is no ${request.method} ${pathOf(request)}`),
    request,
    reply,
  );
}

function problemOf(error: unknown, request: FastifyRequest): Problem {
  if (isHoldfastError(error)) return problem(error.code, error.message, request);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map((issue) => ({
      field: [error.validationContext, ...issue.instancePath.split('/').filter(Boolean)].join('.'),
      message: issue.message ?? 'is not valid',
    }));
    const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
    return { ...problem('bad_request', detail, request), errors };
  }
  const refused = refusalOf(error);
  if (refused !== null)
    return { ...problem('bad_request', refused.message, request), status: refused.status };
  return problem('internal', 'The service met something that it did not expect.', request);
}

/** What Fastify itself refuses (no JSON, too long, a wrong type); its errors are made without the Error constructor. */
function refusalOf(error: unknown): { status: number; message: string } | null {
  const { statusCode, message } = (error ?? {}) as Partial<FastifyError>;
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return null;
  return { status: statusCode, message: message ?? 'not accepted' };
}

function problem(code: ErrorCode, detail: string, request: FastifyRequest): Problem {
  const { status, title, hint } = ERRORS[code];
  return { type: `urn:holdfast:error:${code}`, title, status, detail, code, hint, instance: pathOf(request) };
}

// Without the query: it may hold what should not be repeated.
function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? request.url;
}
