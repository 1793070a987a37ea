import { z } from 'zod';
import type { Snapshot } from '../api.ts';
import type { Engine } from '../engine.ts';

/** Where a snapshot was first made: kept in the metadata of each copy. */
const Origin = z.object({ repository_id: z.string(), snapshot_id: z.string() });
type Origin = z.infer<typeof Origin>;

/** Its own place, unless it is a copy. */
export function originOf(engine: Engine, snapshot: Snapshot): Origin {
  const origin = Origin.safeParse(snapshot.metadata['copied_from']);
  if (origin.success) return origin.data;
  return { repository_id: engine.keys.repository_id.toString('hex'), snapshot_id: snapshot.id };
}

/** The snapshots of one repository as those of another are looked up in it: by where they were made, or by what they are. */
export class Counterparts {
  readonly #by_origin = new Map<string, Snapshot>();
  readonly #by_content = new Map<string, Snapshot>();

  constructor(engine: Engine, snapshots: readonly Snapshot[]) {
    for (const snapshot of snapshots) this.add(engine, snapshot);
  }

  add(engine: Engine, snapshot: Snapshot): void {
    this.#by_origin.set(keyOf(originOf(engine, snapshot)), snapshot);
    this.#by_content.set(contentOf(snapshot), snapshot);
  }

  /** The same snapshot of another repository here; undefined where it was not copied. */
  of(other: Engine, snapshot: Snapshot): Snapshot | undefined {
    return this.#by_origin.get(keyOf(originOf(other, snapshot))) ?? this.#by_content.get(contentOf(snapshot));
  }

  /** By where it was made. */
  from(origin: Origin): Snapshot | undefined {
    return this.#by_origin.get(keyOf(origin));
  }
}

function keyOf({ repository_id, snapshot_id }: Origin): string {
  return `${repository_id}/${snapshot_id}`;
}

function contentOf({ host, source, time_ms, tree }: Snapshot): string {
  return JSON.stringify([host, source, time_ms, tree]);
}
