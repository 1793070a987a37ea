import type { CheckProblem } from '../api.ts';
import type { Engine } from '../engine.ts';
import { fromStorage } from '../errors.ts';
import { IndexCache } from '../index/index-cache.ts';
import { ChunkReader } from '../read/chunk-reader.ts';
import { NodeReader } from '../read/node-reader.ts';
import { SnapshotList } from '../snapshot/snapshot-list.ts';
import { type StoredSnapshot, snapshotName } from '../snapshot/snapshot-object.ts';
import { checkDeletion } from './check-deletion.ts';
import { checkPacks } from './check-packs.ts';
import { TreeCheck } from './check-trees.ts';
import { Findings } from './findings.ts';

export interface CheckOptions {
  readonly read_data?: boolean;
  readonly on_problem: (problem: CheckProblem) => void;
}

/** Checks what the store has, trusting nothing that is kept locally. Every problem names the paths that it reaches. */
export async function checkRepository(engine: Engine, options: CheckOptions): Promise<void> {
  using index = new IndexCache(engine.store, engine.keys);
  const chunks = new ChunkReader({ store: engine.store, keys: engine.keys, index });
  const snapshots = new SnapshotList(engine.store, engine.keys);
  const fresh: Engine = { ...engine, index, chunks, nodes: new NodeReader(chunks), snapshots };
  const findings = new Findings();
  try {
    // Snapshots first: what they reach was indexed before they were committed.
    const listed = await snapshots.all();
    await index.refresh();
    for (const [name, error] of index.damaged) findings.add(name, error.message);
    const { forgotten, marked } = await checkDeletion(fresh, findings);
    await checkPacks(fresh, findings, { read_data: options.read_data ?? false, marked });
    checkSnapshots(findings, { snapshots, listed, forgotten });
    const trees = new TreeCheck(fresh, findings);
    for (const snapshot of listed) await trees.check(snapshot);
  } catch (error) {
    throw fromStorage(error);
  }
  for (const problem of findings.problems()) options.on_problem(problem);
}

function checkSnapshots(
  findings: Findings,
  known_of: {
    snapshots: SnapshotList;
    listed: readonly StoredSnapshot[];
    forgotten: ReadonlySet<string>;
  },
): void {
  const { snapshots, listed, forgotten } = known_of;
  for (const [id, error] of snapshots.damaged) {
    findings.add(snapshotName(id), error.message);
    findings.reach(snapshotName(id), { snapshot_id: id, path: '/' });
  }
  const known = new Set([...listed.map(({ id }) => id), ...snapshots.damaged.keys(), ...forgotten]);
  for (const { id, heads } of listed) {
    for (const head of heads.filter((candidate) => !known.has(candidate))) {
      findings.add(snapshotName(head), `it is missing, and snapshot ${id} was made after it`);
      findings.reach(snapshotName(head), { snapshot_id: head, path: '/' });
    }
  }
}
