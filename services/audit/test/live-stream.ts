import type { AuditItem } from '@holdfast/contracts/http/audit';

export interface Message {
  readonly id: number;
  readonly event: AuditItem;
}

/** A client of the live stream, reading message by message. */
export interface LiveStream extends AsyncDisposable {
  /** The next so many events. */
  take(count: number): Promise<Message[]>;
  /** Reads on until a heartbeat, calling `meanwhile` whenever nothing comes. */
  heartbeat(meanwhile: () => void): Promise<void>;
  /** The last id that was told, with an event or without. */
  lastId(): number;
  /** Resolves when the server ends the stream. */
  readonly ended: Promise<void>;
}

/** Resolves once the server has greeted; rejects with the status where it refuses. */
export async function openStream(
  url: string,
  { token, last_event_id }: { token: string; last_event_id?: number | undefined },
): Promise<LiveStream> {
  const closing = new AbortController();
  const headers = {
    authorization: `Bearer ${token}`,
    ...(last_event_id !== undefined && { 'last-event-id': String(last_event_id) }),
  };
  const reply = await fetch(url, { headers, signal: closing.signal });
  if (!reply.ok || reply.body === null) throw new Error(`refused with ${reply.status}`);
  const blocks = blocksOf(reply.body);
  let last = Number.NaN;
  const next = async (): Promise<string | null> => {
    const { done, value } = await blocks.next();
    if (done) return null;
    last = Number(/^id: (-?\d+)$/m.exec(value)?.[1] ?? last);
    return value;
  };
  await next();
  const ended = Promise.withResolvers<void>();
  return {
    take: async (count) => {
      const taken: Message[] = [];
      while (taken.length < count) {
        const block = await next();
        if (block === null) throw new Error(`the stream ended after ${taken.length} of ${count}`);
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) taken.push({ id: last, event: JSON.parse(data) });
      }
      return taken;
    },
    heartbeat: async (meanwhile) => {
      const timer = setInterval(meanwhile, 5);
      try {
        for (let block = await next(); block?.startsWith(':') === false; block = await next());
      } finally {
        clearInterval(timer);
      }
    },
    lastId: () => last,
    get ended() {
      void drain(next).then(ended.resolve);
      return ended.promise;
    },
    [Symbol.asyncDispose]: async () => closing.abort(),
  };
}

async function drain(next: () => Promise<string | null>): Promise<void> {
  while ((await next()) !== null);
}

async function* blocksOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    yield* blocks;
  }
}
