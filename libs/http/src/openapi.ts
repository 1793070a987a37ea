import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { routeRole } from './auth.ts';

/** `/api/openapi.json` (OpenAPI 3.1, made from the routes' schemas) and the browser for it at `/api/docs`. */
export async function serveOpenApi(
  app: FastifyInstance,
  info: { title: string; version: string },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info,
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
    transform: (input) => {
      const made = jsonSchemaTransform(input as Parameters<typeof jsonSchemaTransform>[0]);
      const role = routeRole(input.route);
      const security = role === 'public' ? [] : [{ bearer: [role] }];
      return { ...made, schema: { ...made.schema, security, 'x-role': role } };
    },
  });
  await app.register(swaggerUi, { routePrefix: '/api/docs', uiConfig: { url: '/api/openapi.json' } });
  app.get('/api/openapi.json', { config: { role: 'public' }, schema: { hide: true } }, async () =>
    app.swagger(),
  );
}
