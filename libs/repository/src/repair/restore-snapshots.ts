import type { Snapshot } from '../api.ts';
import type { Survey } from '../check/check-repository.ts';
import { copySnapshots } from '../copy/copy-snapshots.ts';
import { Counterparts, originOf } from '../copy/origin.ts';
import type { Engine } from '../engine.ts';

/** A snapshot that is lost here, and the same one in the second repository. */
export interface FoundSnapshot {
  readonly lost: string;
  readonly in_second: Snapshot;
}

/**
 * The lost snapshots that the second repository has: those that were copied there from here, and, where this one is the
 * copy, those that are there and not here if there are no more of them than are lost.
 */
export async function findSnapshots(
  engine: Engine,
  survey: Survey,
  second: Engine,
): Promise<FoundSnapshot[]> {
  const own_id = engine.keys.repository_id.toString('hex');
  const here = new Counterparts(engine, survey.snapshots);
  const absent = (await second.snapshots.all()).filter((snapshot) => here.of(second, snapshot) === undefined);
  const found: FoundSnapshot[] = [];
  const others: Snapshot[] = [];
  for (const in_second of absent) {
    const origin = originOf(second, in_second);
    if (origin.repository_id !== own_id) others.push(in_second);
    else if (!survey.forgotten.has(origin.snapshot_id)) found.push({ lost: origin.snapshot_id, in_second });
  }
  const named = new Set(found.map(({ lost }) => lost));
  const lost = [...survey.damaged_snapshots, ...survey.missing_snapshots].filter((id) => !named.has(id));
  if (others.length > lost.length) return found;
  return [...found, ...others.map((in_second, index) => ({ lost: lost[index] as string, in_second }))];
}

/** Lost ids whose snapshot stands again under another: a repair was cut short before it was noted. */
export function restoredBefore(engine: Engine, survey: Survey): string[] {
  const repository_id = engine.keys.repository_id.toString('hex');
  const here = new Counterparts(engine, survey.snapshots);
  return [...survey.damaged_snapshots, ...survey.missing_snapshots].filter(
    (snapshot_id) => here.from({ repository_id, snapshot_id }) !== undefined,
  );
}

/** Brings them back under new ids (no name is ever used twice); what was lost (and is there, damaged) is the caller's. */
export async function restoreSnapshots(
  engine: Engine,
  second: Engine,
  found: readonly FoundSnapshot[],
): Promise<{ lost: string; snapshot_id: string }[]> {
  if (found.length === 0) return [];
  const snapshots = found.map(({ in_second }) => in_second.id);
  const { copied } = await copySnapshots(second, engine, { snapshots });
  const new_ids = new Map(copied.map(({ from, snapshot }) => [from, snapshot.id]));
  return found.flatMap(({ lost, in_second }) => {
    const snapshot_id = new_ids.get(in_second.id);
    return snapshot_id === undefined ? [] : [{ lost, snapshot_id }];
  });
}
