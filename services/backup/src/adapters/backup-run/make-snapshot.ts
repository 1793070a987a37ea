import type { BackupManifest, HookReport } from '@holdfast/contracts/backup-events';
import type { BackupResult, BackupStats, Progress } from '@holdfast/repository/api';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { HOT } from '@holdfast/runtime/repository-place';
import type { BackupSettings, ProtectedSource } from '../../config.ts';
import { readingOf } from '../../domain/backup-run/decide.ts';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import { buildManifest, type Surroundings } from '../../domain/manifest/build.ts';
import { carriedPaths } from '../../domain/pins/decide.ts';
import { archiveAfter } from '../../domain/tiers/policy.ts';
import type { TakenChanges } from '../changes/change-table.ts';
import { missedChanges } from '../changes/missed-changes.ts';
import type { Engine } from '../engine.ts';
import type { Participant } from '../moments/moments.ts';
import { takeMoment } from '../moments/take-moment.ts';
import type { VolumeSnapshots } from '../moments/volume-snapshots.ts';
import type { BackupState } from '../state.ts';
import type { Tiers } from '../tiers/tiers.ts';
import { type Databases, refuseIncomplete } from './databases.ts';
import { gitFacts } from './git-facts.ts';
import { makeOwnCopy } from './own-copy.ts';
import { requireEncryption } from './require-encryption.ts';
import { folderOf, isThere, requireRoots } from './standing.ts';

export interface SnapshotDeps {
  readonly context: ServiceContext;
  readonly settings: BackupSettings;
  readonly state: BackupState;
  /** Of the hot tier: where backups are made. */
  readonly repository: Engine;
  readonly tiers: Tiers;
  readonly databases: Databases;
  readonly volumes: VolumeSnapshots;
}

export interface Attempt {
  readonly run: BackupRun;
  readonly source: ProtectedSource;
  readonly taken: TakenChanges;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  readonly participant: Participant | null;
  /** A failure was told that this run may end: it is told even where nothing changed. */
  readonly ends_failure: boolean;
  /** Changes that could not be read before and are not looked at now: the backup is without them. */
  readonly still_unreadable: BackupStats['unreadable'];
  /** Commands that ran before it. */
  readonly hooks: readonly HookReport[];
}

/** So many changes are found faster by a walk than one by one. */
const CHANGES_MAX = 1000;

/** A file was lost while it was being backed up: what was read is not to be trusted, the run begins again. */
export class LossMeanwhile extends Error {
  override readonly name = 'LossMeanwhile';
}

/** Makes the snapshot of one run. The manifest is sealed in it, so that it can be told of even after a crash. */
export async function makeSnapshot(deps: SnapshotDeps, attempt: Attempt): Promise<BackupResult> {
  const { context, state, repository } = deps;
  const { run, source, signal } = attempt;
  const read_ms = context.clock.now_ms();
  requireEncryption(source);
  const parent = parentOf(state, run);
  const { full } = readingOf(run.backup_type);
  const prepare = (wanted: { full: boolean }) =>
    deps.databases.prepare(source, {
      backup_id: run.backup_id,
      ...wanted,
      isKept: (path) => isKept(repository, parent, path),
      signal,
    });
  await prepare({ full });
  await using _own = await copyOfOwn(deps, source, signal);
  requireRoots(source);
  await using moment = await takeMoment(deps, attempt);
  // The log has to hold all up to the moment that was noted.
  if (attempt.participant !== null) await prepare({ full: false });
  const about = await surroundingsOf(deps, source, parent);
  const carry = carriedPaths(casesIn(state, source), (folder) => !isThere(folder));
  const changes = run.walk || source.mongodb !== undefined ? undefined : pathsToRead(attempt.taken);
  const missed = parent === undefined ? undefined : missedChanges(state, attempt);
  const metadata = (stats: BackupStats) => {
    refuseWhatWasLost(casesIn(state, source), carry, changes);
    refuseIncomplete(source, stats.unreadable);
    const unreadable = run.walk ? stats.unreadable : [...stats.unreadable, ...attempt.still_unreadable];
    const surroundings = {
      ...about,
      read_ms,
      moment: moment.facts(),
      hooks: attempt.hooks,
      missed: missed?.told(),
    };
    return { backup_id: run.backup_id, manifest: buildManifest(run, { ...stats, unreadable }, surroundings) };
  };
  return await repository.backup({
    host: context.host,
    source: source.name,
    roots: source.roots,
    select: source.select,
    ...(parent !== undefined && { parent: parent.snapshot_id }),
    full,
    ...(changes !== undefined && { changes }),
    carry,
    ...moment.reading,
    ...(missed !== undefined && { on_difference: missed.found }),
    metadata,
    compression: run.compression,
    skip_unchanged: !attempt.ends_failure && (run.reason === 'on_change' || run.reason === 'reconciled'),
    on_progress: attempt.onProgress,
    signal,
  });
}

/** The folder of Holdfast itself is put together for each backup, and goes after it. */
async function copyOfOwn(
  { context, repository }: SnapshotDeps,
  { own_copy }: ProtectedSource,
  signal: AbortSignal,
): Promise<AsyncDisposable | null> {
  if (own_copy === undefined) return null;
  const { id, location } = repository;
  return makeOwnCopy({ context, folder: own_copy, repository: { id, location }, signal });
}

async function isKept(
  repository: Engine,
  parent: BackupManifest | undefined,
  path: string,
): Promise<boolean> {
  if (parent === undefined) return false;
  return (await repository.find(await repository.snapshot(parent.snapshot_id), path)) !== undefined;
}

/** The backup to compare with: for a differential one the last full, else the last; it must be where backups are made. */
function parentOf(state: BackupState, run: BackupRun): BackupManifest | undefined {
  const full = readingOf(run.backup_type).since_full ? state.catalog.newest(run.source, 'full') : undefined;
  return [full, state.catalog.newest(run.source)].find((one) => one !== undefined && isHot(state, one));
}

function isHot({ copies }: BackupState, { backup_id }: BackupManifest): boolean {
  return copies.of(backup_id).some(({ tier }) => tier === HOT);
}

async function surroundingsOf(
  { context, settings }: SnapshotDeps,
  source: ProtectedSource,
  parent: BackupManifest | undefined,
): Promise<Omit<Surroundings, 'read_ms'>> {
  return {
    ...(await gitFacts(folderOf(source))),
    hostname: context.host,
    system_version: context.service_config.version,
    parent_backup_id: parent?.backup_id ?? null,
    archive_after: archiveAfter(settings.tier_policy),
  };
}

/** Paths of open cases that lie in a source: a file may be in several. */
function casesIn(state: BackupState, source: ProtectedSource): string[] {
  return [...state.cases.paths()].filter((path) => source.matches(path));
}

// A file that is named and yet missing is being lost at this moment: its case is on the way. It stays as it was.
function pathsToRead(taken: TakenChanges): string[] | undefined {
  if (taken.paths.length > CHANGES_MAX) return undefined;
  return taken.paths.filter(({ path, gone }) => gone || isThere(path)).map(({ path }) => path);
}

function refuseWhatWasLost(
  cases: readonly string[],
  carry: ReadonlySet<string>,
  changes: readonly string[] | undefined,
): void {
  const read = changes === undefined ? null : new Set(changes);
  const lost = cases.find((path) => !carry.has(path) && (read === null || read.has(path)));
  if (lost !== undefined) throw new LossMeanwhile(`${lost} was lost meanwhile`);
}
