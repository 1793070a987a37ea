import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Booted, boot, type Place, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

let at: Place;
let backup: Booted;

beforeAll(async () => {
  at = place();
  at.write('a.json', '{}');
  backup = await boot(at, { repository: memoryRepository() });
  await backup.created(1);
});

afterAll(async () => {
  await backup[Symbol.asyncDispose]();
  at[Symbol.dispose]();
});

/** As they are promised: method, path, the least role, and what it answers where nothing is given. */
const ROUTES = [
  ['GET', '', 'viewer', 200],
  ['POST', '', 'backup_operator', 202],
  ['GET', '/health', 'viewer', 200],
  ['GET', '/storage', 'viewer', 200],
  ['GET', '/metrics', 'viewer', 200],
  ['GET', '/quarantine', 'viewer', 200],
  ['DELETE', '/quarantine/{id}', 'admin', 404],
  ['GET', '/schedules', 'viewer', 200],
  ['PUT', '/schedules/nightly', 'admin', 400],
  ['POST', '/restore', 'backup_operator', 400],
  ['POST', '/restore-database', 'backup_operator', 400],
  ['POST', '/cleanup', 'admin', 200],
  ['POST', '/move', 'admin', 200],
  ['GET', '/{id}', 'viewer', 404],
  ['GET', '/{id}/files', 'viewer', 404],
  ['GET', '/{id}/diff/{other}', 'viewer', 404],
  ['POST', '/{id}/verify', 'backup_operator', 404],
  ['POST', '/{id}/cancel', 'backup_operator', 404],
  ['POST', '/{id}/hold', 'admin', 400],
  ['DELETE', '/{id}/hold', 'admin', 404],
  ['DELETE', '/{id}', 'admin', 404],
] as const;

const BELOW = { viewer: null, backup_operator: 'viewer', admin: 'backup_operator' } as const;

describe('the routes of the backup service', () => {
  test.each(ROUTES)('%s /api/backup%s', async (method, path, role, status) => {
    const url = `/api/backup${path.replace('{id}', 'backup_x').replace('{other}', 'backup_y')}`;
    const stranger = await fetch(`${backup.service.url}${url}`, { method });
    expect(stranger.status).toBe(401);
    const below = BELOW[role];
    if (below !== null) expect((await backup.call(method, url, undefined, below)).status).toBe(403);
    const reply = await backup.call<{ detail: string }>(method, url, undefined, role);
    expect(reply.status).toBe(status);
    if (status === 404) expect(reply.body.detail).toMatch(/backup_x/);
  });

  test('are described, and there are no others', async () => {
    const { body } = await backup.call<{ paths: Record<string, object> }>('GET', '/api/openapi.json');
    const described = Object.entries(body.paths)
      .filter(([path]) => path.startsWith('/api/backup'))
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    const promised = ROUTES.map(([method, path]) => `${method} /api/backup${path}`);
    expect(described.sort()).toEqual(
      promised
        .map((one) => one.replace('/nightly', '/{name}').replace('quarantine/{id}', 'quarantine/{source}'))
        .sort(),
    );
  });
});
