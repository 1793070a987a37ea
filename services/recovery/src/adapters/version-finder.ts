import type { Entry, Repository, Snapshot, Version } from '@holdfast/repository/api';
import { type Candidate, type Criteria, judge } from '../domain/loss-case/acceptance.ts';
import type { KnownVersion } from '../domain/loss-case/manual-steps.ts';

/** What the repository has of one file. */
export interface Found {
  /** The wanted bytes. */
  readonly exact: Version | null;
  /** Good ones that are not, newest first; empty where the wanted bytes are there. */
  readonly older: readonly Version[];
  /** Why others were refused. */
  readonly refused: readonly string[];
  readonly known: readonly KnownVersion[];
}

export interface Search {
  readonly path: string;
  readonly source: string;
  readonly criteria: Criteria;
}

/** Looks files up; the newest snapshot of each source is at hand, so that the usual search is one walk down a tree. */
export interface VersionFinder {
  /** Reads the list of snapshots anew. */
  refresh(): Promise<void>;
  /** A snapshot was made: it is the first place to look from now on. */
  onSnapshot(snapshot_id: string): Promise<void>;
  find(search: Search): Promise<Found>;
  /**
   * A folder as it was before a time: backups that were made while files were lost and put back have seen it in
   * between. Where none is so old, the oldest one that has it.
   */
  folder(path: string, source: string, before_ms: number): Promise<Entry | undefined>;
  /** Every version of a file, newest first. */
  versions(path: string): AsyncIterable<Version>;
}

// More than people or strategies look at; a file that is saved every second has many.
const OLDER_MAX = 100;
const WARM_MAX = 1000;

/** The finder of one host. */
export function createVersionFinder(repository: Repository, host: string): VersionFinder {
  let all: readonly Snapshot[] = [];
  let newest = new Map<string, Snapshot>();

  const keep = (snapshots: readonly Snapshot[]) => {
    all = [...snapshots].sort((one, other) => other.time_ms - one.time_ms);
    newest = new Map(all.toReversed().map((snapshot) => [snapshot.source, snapshot]));
  };
  const refresh = async () => keep(await repository.snapshots({ host }));

  const findInNewest = async ({ path, source, criteria }: Search): Promise<Found | undefined> => {
    const snapshot = newest.get(source);
    if (snapshot === undefined || criteria.at_ms !== null) return undefined;
    const entry = await repository.find(snapshot, path);
    if (entry?.kind !== 'file') return undefined;
    const version = { snapshot, entry };
    if (criteria.wanted_checksum === null || judge(candidateOf(version), criteria).kind !== 'exact')
      return undefined;
    return { exact: version, older: [], refused: [], known: [knownOf(version)] };
  };

  const versionsFor = ({ path, criteria }: Search) => {
    const { at_ms } = criteria;
    if (at_ms === null) return repository.versions(path, { host });
    return versionsIn(
      all.filter((snapshot) => snapshot.time_ms <= at_ms),
      path,
    );
  };
  async function* versionsIn(snapshots: readonly Snapshot[], path: string): AsyncIterable<Version> {
    for (const snapshot of snapshots) {
      const entry = await repository.find(snapshot, path);
      if (entry) yield { snapshot, entry };
    }
  }

  return {
    refresh,
    async onSnapshot(snapshot_id) {
      if (all.some((snapshot) => snapshot.id === snapshot_id)) return;
      const snapshot = await repository.snapshot(snapshot_id);
      if (snapshot.host !== host) return;
      const before = newest.get(snapshot.source);
      keep([snapshot, ...all]);
      await warm(repository, before, snapshot);
    },
    find: async (search) => (await findInNewest(search)) ?? sift(versionsFor(search), search.criteria),
    async folder(path, source, before_ms) {
      const of_source = all.filter((snapshot) => snapshot.source === source);
      const older = of_source.find((snapshot) => snapshot.time_ms <= before_ms);
      const younger = of_source.filter((snapshot) => snapshot.time_ms > before_ms).toReversed();
      for (const snapshot of older ? [older] : younger) {
        const entry = await repository.find(snapshot, path);
        if (entry?.kind === 'directory') return entry;
      }
      return undefined;
    },
    versions: (path) => repository.versions(path, { host }),
  };
}

/** Loads what is new in the tree before somebody is in a hurry. */
async function warm(repository: Repository, before: Snapshot | undefined, after: Snapshot): Promise<void> {
  let left = WARM_MAX;
  if (before === undefined) return;
  for await (const _ of repository.diff(before, after)) {
    left -= 1;
    if (left === 0) return;
  }
}

async function sift(versions: AsyncIterable<Version>, criteria: Criteria): Promise<Found> {
  const older: Version[] = [];
  const refused: string[] = [];
  const known: KnownVersion[] = [];
  for await (const version of versions) {
    if (version.entry.kind !== 'file') continue;
    known.push(knownOf(version));
    const verdict = judge(candidateOf(version), criteria);
    if (verdict.kind === 'exact') return { exact: version, older: [], refused, known };
    if (verdict.kind === 'refused') refused.push(verdict.reason);
    else if (older.length < OLDER_MAX) older.push(version);
  }
  return { exact: null, older, refused, known };
}

const candidateOf = ({ snapshot, entry }: Version): Candidate => ({
  checksum: entry.checksum,
  size: entry.size,
  backed_up_at_ms: snapshot.time_ms,
});

const knownOf = ({ snapshot }: Version): KnownVersion => ({
  snapshot_id: snapshot.id,
  backed_up_at_ms: snapshot.time_ms,
});

/** The backup that a snapshot belongs to, as its manifest names it. */
export function backupIdOf(snapshot: Snapshot): string | null {
  const id = snapshot.metadata['backup_id'];
  return typeof id === 'string' ? id : null;
}
