import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RunOptions, runCli } from './holdfast-process.ts';

/** Runs the CLI against a server that says, of each path, what the test gives. */
export async function runCliAgainst(
  replies: Readonly<Record<string, unknown>>,
  args: readonly string[],
  options: RunOptions = {},
): ReturnType<typeof runCli> {
  const server = createServer(({ url = '' }, reply) => {
    reply.setHeader('content-type', 'application/json').end(JSON.stringify(replies[url]));
  }).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return await runCli([...args, '--url', `http://127.0.0.1:${port}`, '--token', 'any'], options);
  } finally {
    server.close();
  }
}
