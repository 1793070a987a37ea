import { type BlobStore, isStorageError } from '@holdfast/storage/blob-store';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { fromStorage, isRepositoryError, RepositoryError } from '../errors.ts';
import { requireStanding } from '../repository-config.ts';
import { openSnapshot, SNAPSHOT_PREFIX, type StoredSnapshot, snapshotName } from './snapshot-object.ts';

const PREFIX_DIGITS_MIN = 4;
const PARALLEL = 16;

/** The snapshots of a repository: always what the store has now; an object that was read once is not read again. */
export class SnapshotList {
  /** Those that are there and cannot be read, with the reason. */
  readonly damaged = new Map<string, Error>();
  readonly #store: BlobStore;
  readonly #keys: RepositoryKeys;
  readonly #read = new Map<string, StoredSnapshot>();
  /** Places that a revocation took: no snapshots. */
  readonly #revoked = new Set<string>();
  readonly #onSeen: (ids: readonly string[]) => void;
  #sorted: readonly StoredSnapshot[] | undefined;

  /** `onSeen` gets the ids of snapshots that were read or committed, each once. */
  constructor(
    store: BlobStore,
    keys: RepositoryKeys,
    onSeen: (ids: readonly string[]) => void = () => undefined,
  ) {
    this.#store = store;
    this.#keys = keys;
    this.#onSeen = onSeen;
  }

  /** Newest first. Damaged ones are left out: see `damaged`. */
  async all(filter: { host?: string; source?: string } = {}): Promise<StoredSnapshot[]> {
    await this.#refresh();
    this.#sorted ??= [...this.#read.values()].sort(newestFirst);
    const { host, source } = filter;
    if (host === undefined && source === undefined) return [...this.#sorted];
    return this.#sorted.filter(
      (snapshot) =>
        (host ?? snapshot.host) === snapshot.host && (source ?? snapshot.source) === snapshot.source,
    );
  }

  /** By full id, unambiguous prefix or `latest`; rejects with `snapshot_not_found`, or `repo_not_found` where nothing is left of the repository. */
  async one(id: string): Promise<StoredSnapshot> {
    const known = this.#read.get(id);
    if (known !== undefined) return known;
    const all = await this.all();
    const found = id === 'latest' ? all.slice(0, 1) : all.filter((snapshot) => snapshot.id.startsWith(id));
    const is_clear = found.length === 1 && (id === 'latest' || id.length >= PREFIX_DIGITS_MIN);
    const [only] = found;
    if (is_clear && only !== undefined) return only;
    const damage = this.damaged.get(id);
    if (damage !== undefined) throw damage;
    if (all.length === 0) await requireStanding(this.#store);
    const why = found.length > 1 ? `${id} could be ${found.length} snapshots` : `there is no snapshot ${id}`;
    throw new RepositoryError('snapshot_not_found', why);
  }

  /** Takes over one that this process has just committed. */
  add(snapshot: StoredSnapshot): void {
    this.#keep(snapshot);
    this.#onSeen([snapshot.id]);
  }

  /** Takes out one that this process has just forgotten. */
  remove(id: string): void {
    this.#read.delete(id);
    this.#sorted = undefined;
  }

  #keep(snapshot: StoredSnapshot): void {
    this.#read.set(snapshot.id, snapshot);
    this.#sorted = undefined;
  }

  async #refresh(): Promise<void> {
    const ids = await this.#ids();
    for (const known of this.#read.keys()) {
      if (ids.has(known)) continue;
      this.#read.delete(known);
      this.#sorted = undefined;
    }
    for (const id of this.damaged.keys()) if (!ids.has(id)) this.damaged.delete(id);
    const missing = [...ids].filter((id) => !this.#read.has(id) && !this.#revoked.has(id));
    for (let at = 0; at < missing.length; at += PARALLEL) {
      await Promise.all(missing.slice(at, at + PARALLEL).map((id) => this.#load(id)));
    }
    const seen = missing.filter((id) => this.#read.has(id));
    if (seen.length > 0) this.#onSeen(seen);
  }

  async #ids(): Promise<Set<string>> {
    const ids = new Set<string>();
    try {
      for await (const { name } of this.#store.list(SNAPSHOT_PREFIX))
        ids.add(name.slice(SNAPSHOT_PREFIX.length));
    } catch (error) {
      throw fromStorage(error);
    }
    return ids;
  }

  async #load(id: string): Promise<void> {
    try {
      const snapshot = openSnapshot(this.#keys, id, await this.#store.get(snapshotName(id)));
      if (snapshot === undefined) this.#revoked.add(id);
      else this.#keep(snapshot);
      this.damaged.delete(id);
    } catch (error) {
      // One that was forgotten since the listing is no news; one that is damaged must not hide the others.
      if (isStorageError(error, 'not_found')) return;
      if (!isRepositoryError(error)) throw fromStorage(error);
      this.damaged.set(id, error);
    }
  }
}

function newestFirst(one: StoredSnapshot, other: StoredSnapshot): number {
  return other.time_ms - one.time_ms || (one.id < other.id ? 1 : -1);
}
