import type { ReportProgress } from '@holdfast/contracts/http/progress';
import { createWorkMeter, type WorkMeter } from '@holdfast/runtime/work-meter';
import { type ChangeEvent, changesDocument, keyIn, keyOf } from '../domain/mongodb/change-event.ts';
import { addDocuments, type DocumentSum, joinSums, NO_DOCUMENTS } from '../domain/mongodb/document-sum.ts';
import { replayBatch } from '../domain/mongodb/replay-batch.ts';
import type { RestorePlan } from '../domain/mongodb/restore-plan.ts';
import type { HeldLog } from './held-log.ts';
import { baseOf, bytesOf, plannedEvents } from './restore-database.ts';

/** What a plan is reckoned from. */
export interface Reckoning {
  readonly held: HeldLog;
  readonly plan: RestorePlan;
  readonly signal: AbortSignal;
  /** So much of changed documents is held in memory; more is reckoned in several passes. */
  readonly budget_bytes?: number | undefined;
  readonly report?: ReportProgress | undefined;
}

export type Contents = ReadonlyMap<string, DocumentSum>;

const BUDGET_BYTES = 64 * 1024 * 1024;
/** What a key takes beside its text. */
const KEY_BYTES = 64;

/**
 * What each collection holds (a view: nothing) at the moment of a plan, reckoned from the backup alone: the base and its changes, without
 * any MongoDB. Memory does not grow with the number of changes: they are gone through in as many parts as it takes.
 */
export async function expectedContents(reckoning: Reckoning): Promise<Contents> {
  for (let parts = 1; ; parts *= 2) {
    const contents = await inParts(reckoning, parts);
    if (contents !== null) return contents;
  }
}

async function inParts(reckoning: Reckoning, parts: number): Promise<Contents | null> {
  const { held, plan, report } = reckoning;
  const whole = new Map<string, DocumentSum>();
  // Each part goes through the changes twice.
  const bytes_of_part = held.bytesOfBase(baseOf(held, plan), () => true) + 2 * held.bytesOfLog(plan.segments);
  const meter = createWorkMeter(report, {
    doing: 'reading',
    items: 'documents',
    bytes_total: parts * bytes_of_part,
  });
  // Changes are no documents of their own.
  const log_meter = { add: (_changes: number, bytes: number) => meter.add(0, bytes) };
  for (let part = 0; part < parts; part++) {
    const isIn = (key: string) => parts === 1 || partOf(key) % parts === part;
    const found = await reckonPart({ ...reckoning, isIn, meter, log_meter });
    if (found === null) return null;
    for (const [name, sum] of found) whole.set(name, joinSums(whole.get(name) ?? NO_DOCUMENTS, sum));
  }
  return whole;
}

interface Part extends Reckoning {
  readonly isIn: (key: string) => boolean;
  readonly meter: WorkMeter;
  readonly log_meter: WorkMeter;
}

/** A collection while it is reckoned: documents that no change touches are in the sum, the others stay documents. */
interface Reckoned {
  untouched: DocumentSum;
  readonly touched: Map<string, Buffer>;
}

type Collections = Map<string, Reckoned>;

/** Null where it would take more memory than there may be. */
async function reckonPart(part: Part): Promise<Contents | null> {
  const budget = { left: part.budget_bytes ?? BUDGET_BYTES };
  const keys = await touchedKeys(part, budget);
  const collections: Collections = new Map();
  if (budget.left < 0 || !(await loadBase(part, { collections, keys, budget }))) return null;
  for await (const event of plannedEvents({ ...part, meter: part.log_meter })) {
    if (!changesDocument(event)) changeCollections(collections, event, part.held.database);
    else if (event.id !== null && part.isIn(keyOf(event.id)))
      changeDocument(collections, event, { part, budget });
    if (budget.left < 0) return null;
  }
  return new Map(
    [...collections].map(([name, { untouched, touched }]) => [
      name,
      addDocuments(untouched, touched.values()),
    ]),
  );
}

interface Budget {
  left: number;
}

async function touchedKeys(part: Part, budget: Budget): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const { id } of plannedEvents({ ...part, meter: part.log_meter })) {
    const key = id === null ? '' : keyOf(id);
    if (id === null || keys.has(key) || !part.isIn(key)) continue;
    keys.add(key);
    budget.left -= key.length + KEY_BYTES;
    if (budget.left < 0) break;
  }
  return keys;
}

interface Loading {
  readonly collections: Collections;
  readonly keys: ReadonlySet<string>;
  readonly budget: Budget;
}

/** False where it would take more memory than there may be. */
async function loadBase(part: Part, loading: Loading): Promise<boolean> {
  const { held, plan, signal, meter } = part;
  const base = baseOf(held, plan);
  for (const name of Object.keys(base.collections)) {
    const reckoned = loading.collections.getOrInsertComputed(name, nothingYet);
    if ((await held.facts(base, name)).kind === 'view') continue;
    for await (const documents of held.documents(base, name)) {
      signal.throwIfAborted();
      addOfBase(
        reckoned,
        documents.filter((document) => part.isIn(keyIn(document))),
        loading,
      );
      meter.add(documents.length, bytesOf(documents));
      if (loading.budget.left < 0) return false;
    }
  }
  return true;
}

function addOfBase(reckoned: Reckoned, documents: readonly Buffer[], { keys, budget }: Loading): void {
  const untouched: Buffer[] = [];
  for (const document of documents) {
    const key = keyIn(document);
    if (!keys.has(key)) untouched.push(document);
    else {
      // A copy: the piece that it lies in is not to be kept for its sake.
      reckoned.touched.set(key, Buffer.from(document));
      budget.left -= document.length;
    }
  }
  reckoned.untouched = addDocuments(reckoned.untouched, untouched);
}

function nothingYet(): Reckoned {
  return { untouched: NO_DOCUMENTS, touched: new Map() };
}

function changeDocument(
  collections: Collections,
  event: ChangeEvent,
  { part, budget }: { part: Part; budget: Budget },
): void {
  const { touched } = collections.getOrInsertComputed(event.collection, nothingYet);
  for (const [key, { document }] of replayBatch([event], touched, part.plan.base.through)) {
    budget.left += touched.get(key)?.length ?? 0;
    if (document === null) touched.delete(key);
    else {
      touched.set(key, document);
      budget.left -= document.length;
    }
  }
}

function changeCollections(collections: Collections, event: ChangeEvent, database: string): void {
  const { type, collection, to } = event;
  const found = collections.get(collection);
  if (type === 'dropDatabase') collections.clear();
  if (type === 'create') collections.getOrInsertComputed(collection, nothingYet);
  if (type === 'drop' || type === 'rename') collections.delete(collection);
  if (type !== 'rename' || to?.database !== database) return;
  collections.delete(to.collection);
  if (found !== undefined) collections.set(to.collection, found);
}

const MULTIPLIER = 31;

/** Any number that is spread well enough, and the same each time. */
function partOf(key: string): number {
  let number = 0;
  for (let at = 0; at < key.length; at++) number = (Math.imul(number, MULTIPLIER) + key.charCodeAt(at)) >>> 0;
  return (number ^ (number >>> 16)) >>> 0;
}
