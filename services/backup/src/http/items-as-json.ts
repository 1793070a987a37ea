import { Slice } from '@holdfast/repository/slice';

const AT_ONCE = 500;

/** What a reply is made with by `itemsAsJson`: its text goes out as it is. */
interface TextReply {
  type(content_type: string): { serializer(asIs: (text: unknown) => string): unknown };
}

/** A reply of `fields` and `items`: of very many items the text is made in slices, so that others are answered meanwhile. */
export async function itemsAsJson<Item>(
  reply: TextReply,
  fields: Readonly<Record<string, string | number | boolean>>,
  { items, view }: { readonly items: readonly Item[]; readonly view: (item: Item) => object },
): Promise<never> {
  const slice = new Slice();
  const pieces: string[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    const some = items.slice(start, start + AT_ONCE);
    pieces.push(some.map((item) => JSON.stringify(view(item))).join(','));
    await slice.rest();
  }
  const head = JSON.stringify({ ...fields, items: [] }).slice(0, -2);
  reply.type('application/json; charset=utf-8').serializer(String);
  // A text to the server, what the schema says to whoever reads it.
  return `${head}${pieces.join(',')}]}` as never;
}
