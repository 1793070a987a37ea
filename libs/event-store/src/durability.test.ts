import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, test } from '@jest/globals';
import type { ServerInfo } from '@nats-io/nats-core';
import { checkDurable } from './durability.ts';
import { silentLog } from './log.ts';

const info = (version: string, server_name = 'nats-1') => ({ version, server_name }) as unknown as ServerInfo;

/** The monitoring page of a server with this setting. */
async function monitoring(sync_always: boolean): Promise<{ url: string } & AsyncDisposable> {
  const page = JSON.stringify({ jetstream: { config: { sync_always } } });
  const server = createServer((_request, reply) => reply.end(page)).listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a server below the floor is refused', async () => {
  await expect(checkDurable(info('2.10.27'), undefined, silentLog)).rejects.toMatchObject({
    code: 'nats_not_durable',
  });
});

test('one that does not sync each message is refused, one that does is taken', async () => {
  await using lazy = await monitoring(false);
  await using careful = await monitoring(true);
  await expect(checkDurable(info('2.15.1'), lazy.url, silentLog)).rejects.toMatchObject({
    code: 'nats_not_durable',
  });
  await expect(checkDurable(info('2.15.1'), careful.url, silentLog)).resolves.toBeUndefined();
});

test('where it cannot be seen, the log says so; our own is known', async () => {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_fields: object, message: string) => void warnings.push(message) };
  await checkDurable(info('2.15.1', 'holdfast-embedded'), undefined, log);
  expect(warnings).toEqual([]);
  await checkDurable(info('2.15.1'), undefined, log);
  expect(warnings).toHaveLength(1);
});
