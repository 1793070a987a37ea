import { Slice } from '@holdfast/repository/slice';

/** What `sendJson` needs of a reply. */
interface Sender {
  type(content_type: string): unknown;
  send(payload: never): unknown;
}

const AT_ONCE = 200;

/** The JSON of `head` with `items`, written in slices: there may be 100,000 of them, and others are answered meanwhile. */
export async function jsonText<Item>(
  head: object,
  items: readonly Item[],
  view: (item: Item) => unknown,
): Promise<string> {
  const slice = new Slice();
  const parts: string[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    parts.push(JSON.stringify(items.slice(start, start + AT_ONCE).map(view)).slice(1, -1));
    await slice.rest();
  }
  return `${JSON.stringify({ ...head, items: [] }).slice(0, -2)}${parts.join(',')}]}`;
}

/** Sends a text that is JSON already, as it is: it follows the schema of the route by its types alone. */
export function sendJson<Reply extends Sender>(reply: Reply, text: string): Reply {
  reply.type('application/json; charset=utf-8');
  reply.send(text as never);
  return reply;
}
