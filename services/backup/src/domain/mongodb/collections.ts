/** What is restored of a collection beside its documents, as MongoDB's own commands take it. */
export interface CollectionFacts {
  readonly kind: 'collection' | 'view';
  readonly options: Readonly<Record<string, unknown>>;
  readonly indexes: readonly IndexFacts[];
}

export interface IndexFacts {
  readonly name: string;
  readonly [key: string]: unknown;
}

/** A change of collections or indexes; `description` is what the stream tells of it, decoded. */
export interface CollectionChange {
  readonly type: string;
  readonly collection: string;
  readonly to: { readonly database: string; readonly collection: string } | null;
  readonly description: Readonly<Record<string, unknown>>;
}

export type Collections = ReadonlyMap<string, CollectionFacts>;

/** What `create` says that is not an option of the collection. */
const NOT_OPTIONS = new Set(['idIndex', 'uuid', 'temp', 'writeConcern']);
const RENAMED_OPTIONS: Readonly<Record<string, string>> = { cappedSize: 'size', cappedMax: 'max' };

/** The collections after a change; what is known already, or is not there, changes nothing. */
export function evolveCollections(
  collections: Collections,
  change: CollectionChange,
  database: string,
): Collections {
  const next = new Map(collections);
  const { collection } = change;
  const facts = collections.get(collection);
  switch (change.type) {
    case 'create':
      next.set(collection, created(change.description));
      return next;
    case 'drop':
      next.delete(collection);
      return next;
    case 'dropDatabase':
      return new Map();
    case 'rename':
      next.delete(collection);
      if (facts !== undefined && change.to?.database === database) next.set(change.to.collection, facts);
      return next;
    default:
      if (facts !== undefined) next.set(collection, withChange(facts, change));
      return next;
  }
}

/** Facts of a collection that came into being with its first document. */
export const PLAIN_COLLECTION: CollectionFacts = { kind: 'collection', options: {}, indexes: [] };

/** The options of a collection without what is not one. */
export function optionsOf(description: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(description).filter(([name]) => !NOT_OPTIONS.has(name)));
}

function created(description: Readonly<Record<string, unknown>>): CollectionFacts {
  const kind = description['viewOn'] === undefined ? 'collection' : 'view';
  return { kind, options: optionsOf(description), indexes: [] };
}

function withChange(facts: CollectionFacts, { type, description }: CollectionChange): CollectionFacts {
  if (type === 'createIndexes')
    return { ...facts, indexes: withIndexes(facts.indexes, indexesIn(description)) };
  if (type === 'dropIndexes') {
    const gone = new Set(indexesIn(description).map(({ name }) => name));
    return { ...facts, indexes: facts.indexes.filter(({ name }) => !gone.has(name)) };
  }
  return type === 'modify' ? modified(facts, description) : facts;
}

function withIndexes(old: readonly IndexFacts[], added: readonly IndexFacts[]): IndexFacts[] {
  const names = new Set(added.map(({ name }) => name));
  return [...old.filter(({ name }) => !names.has(name)), ...added];
}

function indexesIn({ indexes }: Readonly<Record<string, unknown>>): IndexFacts[] {
  return Array.isArray(indexes) ? (indexes as IndexFacts[]) : [];
}

function modified(facts: CollectionFacts, description: Readonly<Record<string, unknown>>): CollectionFacts {
  const { index, ...changes } = description;
  const options = Object.fromEntries(
    Object.entries(changes).map(([name, value]) => [RENAMED_OPTIONS[name] ?? name, value]),
  );
  const { name, ...settings } = Object(index) as IndexFacts;
  const indexes = facts.indexes.map((one) => (one.name === name ? { ...one, ...settings } : one));
  return { ...facts, options: { ...facts.options, ...options }, indexes };
}

/** All names that the wanted collections had before: what is renamed into one of them is needed too. */
export function namesBefore(
  wanted: readonly string[],
  renames: readonly { readonly from: string; readonly to: string }[],
): Set<string> {
  const needed = new Set(wanted);
  for (let before = -1; before !== needed.size; ) {
    before = needed.size;
    for (const { from, to } of renames) if (needed.has(to)) needed.add(from);
  }
  return needed;
}

/**
 * True for a change after which a chosen collection holds documents that the log never saw: it was renamed from one that
 * is not chosen. An empty choice is the whole database.
 */
export function breaksLog(
  chosen: readonly string[],
  change: Pick<CollectionChange, 'type' | 'collection' | 'to'>,
) {
  if (chosen.length === 0 || change.type !== 'rename' || change.to === null) return false;
  return chosen.includes(change.to.collection) && !chosen.includes(change.collection);
}
