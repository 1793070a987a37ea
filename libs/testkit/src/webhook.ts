import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually } from './wait-for.ts';

export interface WebhookRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** `performance.now()` when it had arrived in full. */
  readonly at_ms: number;
}

export interface Webhook extends AsyncDisposable {
  readonly url: string;
  /** All requests so far, in order. */
  readonly requests: readonly WebhookRequest[];
  /** Status of the replies from now on; `hang` never answers. */
  reply(status: number | 'hang'): void;
  /** Resolves once there are so many requests. */
  received(count: number, timeout_ms?: number): Promise<readonly WebhookRequest[]>;
}

/** An HTTP server on a free port of the loopback that keeps what it is sent. */
export async function startWebhook(): Promise<Webhook> {
  const requests: WebhookRequest[] = [];
  let status: number | 'hang' = 200;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request);
    const { method = '', url: path = '', headers } = request;
    requests.push({ method, path, headers, body, at_ms: performance.now() });
    if (status !== 'hang') response.writeHead(status, { 'content-type': 'text/plain' }).end('ok');
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => response.destroy(error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    requests,
    reply: (next) => {
      status = next;
    },
    received: (count, timeout_ms = 10_000) =>
      eventually(() => requests.length >= count && requests, { timeout_ms, what: `called ${count} times` }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
