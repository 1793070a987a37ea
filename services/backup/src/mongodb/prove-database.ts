import type { ReportProgress } from '@holdfast/contracts/http/progress';
import type { Snapshot } from '@holdfast/repository/api';
import { createWorkMeter, type WorkMeter } from '@holdfast/runtime/work-meter';
import { BSON, type Db } from 'mongodb';
import { type CollectionFacts, optionsOf } from '../domain/mongodb/collections.ts';
import { addDocuments, type DocumentSum, NO_DOCUMENTS } from '../domain/mongodb/document-sum.ts';
import type { RestorePlan } from '../domain/mongodb/restore-plan.ts';
import { decodeExactly, isMongoError, mongoFailure } from './connect.ts';
import { type Contents, expectedContents } from './expected-contents.ts';
import { type HeldLog, type LogReader, readHeldLog } from './held-log.ts';
import { finish } from './put-in-place.ts';
import { findRaw } from './raw-find.ts';
import type { Replay } from './replay.ts';
import { bytesOf, putTogether, requirePlan } from './restore-database.ts';

/** What was found out of a backup of a database. */
export interface DatabaseFindings {
  readonly collections: number;
  readonly documents: number;
  readonly problems: string[];
}

/** A backup of a database that is being proved. */
export interface Proving {
  readonly held: HeldLog;
  readonly plan: RestorePlan;
  readonly expected: Contents;
  readonly signal: AbortSignal;
  readonly report?: ReportProgress | undefined;
}

/** Applies every change to the base, without any MongoDB. Rejects with `repo_damaged` where that cannot be done. */
export async function reckonDatabase(
  repository: LogReader,
  snapshot: Snapshot,
  watching: Pick<Proving, 'signal' | 'report'>,
): Promise<Proving> {
  const held = await readHeldLog(repository, snapshot);
  const plan = requirePlan(held, null);
  return { held, plan, expected: await expectedContents({ held, plan, ...watching }), ...watching };
}

/**
 * Restores the latest moment of a backup into a database of its own, and compares all that is then there: documents by
 * their bytes, indexes, options. The database is dropped in the end.
 */
export async function restoreIntoScratch(proving: Proving, target: Db): Promise<DatabaseFindings> {
  try {
    await using scratch = new AsyncDisposableStack();
    scratch.defer(async () => void (await target.dropDatabase()));
    const replay = await putTogether({ ...proving, target, isNeeded: () => true });
    return await compare(proving, target, replay);
  } catch (error) {
    throw mongoFailure(error);
  }
}

/** What the reckoning alone says. */
export function findingsOf({ expected }: Proving): DatabaseFindings {
  const documents = [...expected.values()].reduce((sum, one) => sum + one.documents, 0);
  return { collections: expected.size, documents, problems: [] };
}

async function compare(proving: Proving, target: Db, replay: Replay): Promise<DatabaseFindings> {
  const { held, expected, signal, report } = proving;
  const problems: string[] = [];
  const facts = replay.collections();
  const items_total = findingsOf(proving).documents;
  const meter = createWorkMeter(report, { doing: 'comparing', items: 'documents', items_total });
  for (const name of new Set([...expected.keys(), ...facts.keys()])) {
    const there = facts.get(name);
    const found = (reason: string) => void problems.push(`${held.database}.${name}: ${reason}`);
    if (there === undefined) found('it is missing');
    else if (there.kind === 'view') await tryView(target, there, found);
    else {
      const place = replay.placeOf(name);
      compareSums(await sumOf(target, place, { signal, meter }), expected.get(name), found);
      await compareFacts(target, place, { facts: { ...there, signal }, found });
    }
  }
  return { ...findingsOf(proving), problems };
}

function compareSums(
  there: DocumentSum,
  expected: DocumentSum = NO_DOCUMENTS,
  found: (reason: string) => void,
) {
  if (there.documents !== expected.documents) {
    found(`${there.documents} documents were restored of ${expected.documents}`);
  } else if (there.sum !== expected.sum) found('a document that was restored differs');
}

async function sumOf(
  db: Db,
  place: string,
  { signal, meter }: { signal: AbortSignal; meter: WorkMeter },
): Promise<DocumentSum> {
  let sum = NO_DOCUMENTS;
  for await (const documents of findRaw(db, { find: place })) {
    signal.throwIfAborted();
    sum = addDocuments(sum, documents);
    meter.add(documents.length, bytesOf(documents));
  }
  return sum;
}

// Documents were compared before: an index may let some of them expire.
async function compareFacts(
  target: Db,
  place: string,
  { facts, found }: { facts: Parameters<typeof finish>[2]; found: (reason: string) => void },
): Promise<void> {
  try {
    await finish(target, place, facts);
  } catch (error) {
    if (!isMongoError(error)) throw error;
    found(`its indexes or options cannot be made: ${error.message}`);
    return;
  }
  const [info] = await target.listCollections({ name: place }).toArray();
  const options = Object(info).options as Record<string, unknown>;
  if (textOf(optionsOf(options)) !== textOf(facts.options)) found('its options differ');
  const raw = await target.collection(place).listIndexes({ raw: true }).toArray();
  const [there, wanted] = [
    raw.map((bytes) => decodeExactly(bytes as unknown as Buffer)),
    facts.indexes as readonly Record<string, unknown>[],
  ].map((list) => list.filter(({ name, clustered }) => name !== '_id_' && clustered === undefined));
  if (indexTexts(there) !== indexTexts(wanted)) found('its indexes differ');
}

async function tryView(target: Db, { options }: CollectionFacts, found: (reason: string) => void) {
  try {
    await target.command({ create: 'holdfast_view', ...options });
    await target.dropCollection('holdfast_view');
  } catch (error) {
    if (!isMongoError(error)) throw error;
    found(`this view cannot be made: ${error.message}`);
  }
}

function indexTexts(indexes: readonly Record<string, unknown>[] = []): string {
  return indexes.map(textOf).sort().join('\n');
}

/** A server says these where a validator was set, and where it was made with the collection it does not. */
const IMPLIED: Readonly<Record<string, unknown>> = { validationLevel: 'strict', validationAction: 'error' };

/** Numbers of different types that say the same are the same here, and so are options in another order. */
function textOf(facts: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(facts).filter(([name, value]) => IMPLIED[name] !== value);
  const sorted = told.sort(([one], [other]) => (one < other ? -1 : 1));
  return BSON.EJSON.stringify(Object.fromEntries(sorted), { relaxed: true });
}
