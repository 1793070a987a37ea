import { BSON_TYPE, type BsonElement, bsonDocument, bsonElements, bsonField } from './bson-bytes.ts';

/** A part of a document; it is only taken apart where a change reaches into it. */
interface Node {
  readonly name: string;
  type: number;
  value: Buffer;
  parts: Node[] | null;
}

/**
 * The document after an update as a change stream describes it (`updatedFields`, `removedFields`, `truncatedArrays`).
 * `settled`: the document is as it was just before that update. Else it may be newer (it was copied while updates were
 * made): what does not fit then is passed over, because a later update makes it right. MongoDB's own initial sync does
 * the same.
 */
export function applyUpdate(document: Buffer, update: Buffer, settled: boolean): Buffer {
  const root: Node = { name: '', type: BSON_TYPE.document, value: document, parts: null };
  const paths = exactPaths(update);
  const pathOf = (text: string): Path => paths.get(text) ?? { parts: text.split('.'), exact: false };
  for (const { value } of listIn(update, 'removedFields')) {
    remove(root, pathOf(value.toString('latin1', 4, value.length - 1)));
  }
  for (const { value } of listIn(update, 'truncatedArrays')) truncate(root, value, pathOf);
  for (const element of documentIn(update, 'updatedFields')) {
    set(root, pathOf(element.name), element, settled);
  }
  return encode(root);
}

interface Path {
  readonly parts: readonly string[];
  /** MongoDB has told which dots are part of a name. */
  readonly exact: boolean;
}

/** From 6.1 on MongoDB says how paths are meant whose names hold dots, or look like numbers. */
function exactPaths(update: Buffer): Map<string, Path> {
  const found = new Map<string, Path>();
  for (const { name, value } of documentIn(update, 'disambiguatedPaths')) {
    const parts = [...bsonElements(value)].map((part) =>
      part.type === BSON_TYPE.string
        ? part.value.toString('latin1', 4, part.value.length - 1)
        : String(part.value.readInt32LE(0)),
    );
    found.set(name, { parts, exact: true });
  }
  return found;
}

function set(root: Node, path: Path, element: BsonElement, settled: boolean): void {
  const { parent, rest } = reach(root, path);
  // In a document that is as it was, a path that leads nowhere can only be a name with dots in it.
  if (rest.length > 1 && !settled && !childrenOf(parent).some(({ name }) => name === rest.join('.'))) return;
  const name = rest.join('.');
  const children = childrenOf(parent);
  const at = children.findIndex((child) => child.name === name);
  const { type, value } = element;
  if (at !== -1) children[at] = { name, type, value, parts: null };
  else if (parent.type === BSON_TYPE.array) extend(children, name, element);
  else children.push({ name, type, value, parts: null });
}

function extend(children: Node[], name: string, { type, value }: BsonElement): void {
  const index = Number(name);
  if (!Number.isSafeInteger(index)) return;
  while (children.length < index) {
    children.push({
      name: String(children.length),
      type: BSON_TYPE.null,
      value: Buffer.alloc(0),
      parts: null,
    });
  }
  children.push({ name, type, value, parts: null });
}

function remove(root: Node, path: Path): void {
  const { parent, rest } = reach(root, path);
  const children = childrenOf(parent);
  const at = children.findIndex(({ name }) => name === rest.join('.'));
  if (at !== -1) children.splice(at, 1);
}

function truncate(root: Node, description: Buffer, pathOf: (text: string) => Path): void {
  const field = bsonField(description, 'field');
  const size = bsonField(description, 'newSize');
  if (field === undefined || size === undefined) return;
  const { parent, rest } = reach(root, pathOf(field.value.toString('latin1', 4, field.value.length - 1)));
  const array = childrenOf(parent).find(({ name }) => name === rest.join('.'));
  if (array?.type !== BSON_TYPE.array) return;
  const children = childrenOf(array);
  children.length = Math.min(children.length, size.value.readInt32LE(0));
}

/** Follows a path as far as there are documents and arrays; `rest` is what is to be found in `parent`. */
function reach(root: Node, { parts, exact }: Path): { parent: Node; rest: readonly string[] } {
  let parent = root;
  let at = 0;
  while (at < parts.length - 1) {
    const step = stepInto(parent, parts.slice(at), exact);
    if (step === null) break;
    parent = step.child;
    at += step.used;
  }
  return { parent, rest: parts.slice(at) };
}

function stepInto(parent: Node, parts: readonly string[], exact: boolean) {
  const longest = exact ? 1 : parts.length - 1;
  for (let used = 1; used <= longest; used++) {
    const name = parts.slice(0, used).join('.');
    const child = childrenOf(parent).find((one) => one.name === name && isContainer(one));
    if (child !== undefined) return { child, used };
  }
  return null;
}

function isContainer({ type }: Node): boolean {
  return type === BSON_TYPE.document || type === BSON_TYPE.array;
}

function childrenOf(node: Node): Node[] {
  node.parts ??= [...bsonElements(node.value)].map((element) => ({ ...element, parts: null }));
  return node.parts;
}

function encode(node: Node): Buffer {
  if (node.parts === null) return node.value;
  return bsonDocument(node.parts.map((part) => ({ name: part.name, type: part.type, value: encode(part) })));
}

function listIn(update: Buffer, name: string): BsonElement[] {
  return [...documentIn(update, name)];
}

function documentIn(update: Buffer, name: string): Iterable<BsonElement> {
  const found = bsonField(update, name);
  const isThere = found?.type === BSON_TYPE.document || found?.type === BSON_TYPE.array;
  return found !== undefined && isThere ? bsonElements(found.value) : [];
}
