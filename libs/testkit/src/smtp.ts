import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { eventually } from './wait-for.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** The whole message as it came over the wire. */
  readonly raw: string;
}

export interface TestSmtp extends AsyncDisposable {
  /** `smtp://127.0.0.1:port` */
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  /** Resolves once there are so many mails. */
  received(count: number, timeout_ms?: number): Promise<readonly ReceivedMail[]>;
}

/** A mail server on a free port of the loopback that keeps what it is sent; no TLS, no login. */
export async function startSmtp(): Promise<TestSmtp> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData(stream, session, done) {
      const { mailFrom, rcptTo } = session.envelope;
      text(stream).then((raw) => {
        mails.push({ from: mailFrom ? mailFrom.address : '', to: rcptTo.map((to) => to.address), raw });
        done();
      }, done);
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails,
    received: (count, timeout_ms = 10_000) =>
      eventually(() => mails.length >= count && mails, { timeout_ms, what: `sent ${count} mails` }),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(resolve)),
  };
}
