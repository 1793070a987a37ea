import { CreateSilenceBody, SilenceItem } from '@holdfast/contracts/http/alerting';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import type { Silences } from '../silences.ts';
import { silenceItem } from './silence-item.ts';

/** `POST /api/alerts/silences`: 201 and the silence. */
export function createSilence(app: HttpServer, { silences }: { silences: Silences }): void {
  const schema = {
    tags: ['alerts'],
    summary: 'Send nothing about some alerts for a while',
    body: CreateSilenceBody,
    response: { 201: SilenceItem },
  };
  app.post(
    '/api/alerts/silences',
    { config: { role: 'backup_operator' }, schema },
    async (request, reply) => {
      const { duration, reason, ...match } = request.body;
      const silence = silences.create({ match, duration_ms: duration, reason }, actorOf(request.caller));
      return reply
        .code(201)
        .header('location', `/api/alerts/silences/${silence.silence_id}`)
        .send(silenceItem(silence));
    },
  );
}
