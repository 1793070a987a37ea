const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** The token was refused: trying again is no use. */
export class Refused extends Error {}

/** Asks with the token; rejects with Refused where it opens nothing. */
export async function ask(path, token, init = {}) {
  const reply = await fetch(path, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${token}` },
  });
  if (reply.status === 401 || reply.status === 403) throw new Refused('This token is not accepted.');
  if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
  return reply;
}

/**
 * Follows the events from a place in the log, through breaks and restarts, until the signal. `EventSource` cannot send
 * a token; this is the same with fetch: it comes back with the last id that it saw.
 */
export async function follow({ token, after, signal, onEvent, onState }) {
  let last = after;
  let retry_ms = FIRST_RETRY_MS;
  const read = async () => {
    const headers = { 'last-event-id': String(last) };
    const reply = await ask('/api/audit/stream', token, { signal, headers });
    onState('live');
    for await (const { id, data } of messages(reply.body)) {
      retry_ms = FIRST_RETRY_MS;
      if (id !== undefined) last = Number(id);
      if (data !== undefined) onEvent(JSON.parse(data));
    }
  };
  while (!signal.aborted) {
    await read().catch((error) => {
      if (error instanceof Refused) throw error;
    });
    if (signal.aborted) return;
    onState('lost');
    await new Promise((resolve) => setTimeout(resolve, retry_ms));
    retry_ms = Math.min(retry_ms * 2, LAST_RETRY_MS);
  }
}

async function* messages(body) {
  let text = '';
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) yield fieldsOf(block);
  }
}

function fieldsOf(block) {
  const message = {};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) message[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '');
  }
  return message;
}
