import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { runCli } from '../support/holdfast-process.ts';

test.each([
  ['verify', 'backup_1'],
  ['restore', 'backup_1'],
  ['restore', '--source', 'database'],
])('Ctrl-C of %s %s ends the request, and the command with 130 and one line', async (...args) => {
  const [following, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using server = createServer((request, reply) => {
    reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(': it is being worked on\n\n');
    reply.once('close', gone.resolve);
    request.resume().once('end', following.resolve);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const command = [...args, '--url', `http://127.0.0.1:${port}`, '--token', 'any', '--json'];
  const { code, stdout, stderr } = await runCli(command, { interrupt: following.promise });
  await gone.promise;
  expect([code, stdout]).toEqual([130, '']);
  expect(stderr.trim()).toMatch(/^holdfast: [^\n]+$/);
});
