import type { HttpServer } from '@holdfast/http/server';
import { printableConfig } from '@holdfast/runtime/config';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { z } from 'zod';

/** `GET /api/config`: the configuration as it is in force, without secrets. */
export function showConfig(app: HttpServer, { config }: Pick<ServiceContext, 'config'>): void {
  const schema = {
    tags: ['system'],
    summary: 'The configuration in force, without secrets',
    response: { 200: z.record(z.string(), z.unknown()) },
  };
  app.get('/api/config', { config: { role: 'admin' }, schema }, async () => printableConfig(config));
}
