import { createServer, type Socket } from 'node:net';
import { startSmtp } from '@holdfast/testkit/smtp';
import { describe, expect, test } from '@jest/globals';
import { createEmailChannel } from '../src/adapters/channels/email.ts';
import { testMessage } from '../src/domain/alert/message.ts';

const message = testMessage('A1', 'web1', { by: 'ana', now_ms: 0 });
const delivery = { notification_id: 'N1', attempt: 1, signal: new AbortController().signal };

const channel = (smtp_url: string, timeout_ms = 150) =>
  createEmailChannel(
    'mail',
    { type: 'email', smtp_url, from: 'holdfast@web1.test', to: ['ana@bmc.test'], allow_private: false },
    timeout_ms,
  );

/** A mail server that answers each line as it is told, and says nothing where it is told nothing. */
async function scripted(answer: (line: string) => string | null, greeting: string | null = '220 here') {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const say = (line: string | null) => line !== null && socket.write(`${line}\r\n`);
    say(greeting);
    socket.on('data', (bytes) => {
      for (const line of bytes.toString().split('\r\n').slice(0, -1)) say(answer(line));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `smtp://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Takes the mail, then says what it is told about it. */
function until(end: string | null) {
  return (line: string) => {
    if (line === '.') return end;
    if (line === 'DATA') return '354 go on';
    return /^(EHLO|MAIL|RCPT)/.test(line) ? '250 ok' : null;
  };
}

describe('the outcome of a mail', () => {
  test('delivered, with the id that the same mail has at every try', async () => {
    await using smtp = await startSmtp();
    const result = await channel(smtp.url, 5000).send(message, delivery);
    expect(result).toEqual({ outcome: 'delivered', provider_id: '<N1@holdfast>' });
  });

  test('unknown, where the server took it and says nothing', async () => {
    await using server = await scripted(until(null));
    expect((await channel(server.url).send(message, delivery)).outcome).toBe('unknown');
  });

  test('failed, where the server says nothing at all, or that it is busy', async () => {
    await using silent = await scripted(() => null, null);
    await using busy = await scripted(until('451 later'));
    expect((await channel(silent.url).send(message, delivery)).outcome).toBe('failed');
    expect((await channel(busy.url).send(message, delivery)).outcome).toBe('failed');
  });

  test('refused, where there is no such person', async () => {
    await using server = await scripted((line) =>
      line.startsWith('RCPT') ? '550 who?' : until('250')(line),
    );
    const result = await channel(server.url).send(message, delivery);
    expect(result).toMatchObject({ outcome: 'refused', code: 'smtp_550' });
  });
});
