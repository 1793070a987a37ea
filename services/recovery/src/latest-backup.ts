import { setImmediate as turn } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Entry, Repository, Version } from '@holdfast/repository/api';
import type { Clock } from '@holdfast/runtime/clock';
import { failureOf, isDamaged, isDiskFull } from './adapters/failures.ts';
import { inLanes } from './adapters/lanes.ts';
import { rootOf } from './adapters/open-folder.ts';
import {
  type Content,
  openBatch,
  type PutBack,
  type PutBackBatch,
  type PutBackOptions,
  type Written,
} from './adapters/put-back.ts';
import type { VersionFinder } from './adapters/version-finder.ts';
import { conclude, concludePlaced, guarded, type Job, putOff, startJob, stopwatch } from './backup-job.ts';
import type { RecoverySettings } from './config.ts';
import { type Criteria, contentProblem } from './domain/loss-case/acceptance.ts';
import type { Strategy, Task } from './task.ts';

export interface LatestBackupDeps {
  readonly repository: Repository;
  readonly finder: VersionFinder;
  readonly settings: RecoverySettings;
  readonly put_back: PutBackOptions;
  readonly clock: Clock;
  /** Contents of a path that were found to be corrupt. */
  readonly badChecksums: (path: string) => ReadonlySet<string>;
  /** True where its absence was allowed meanwhile: nothing is to be placed. */
  readonly isCalledOff: (case_id: string) => boolean;
}

const LOOK_LANES = 16;
const PLACE_LANES = 8;
const TURN_EVERY = 64;
const BUSY_DELAY_MS = 100;
/** Larger files are streamed instead of being held in memory. */
const STREAM_BYTES = 8 * 1024 * 1024;

const CALLED_OFF = { kind: 'superseded', reason: 'its absence was allowed' } as const;

interface Run {
  readonly deps: LatestBackupDeps;
  readonly batch: PutBackBatch;
  /** What the disk said when it had no room: nothing more is written then. */
  full: unknown;
}

/** `latest_backup`: the wanted bytes from whichever backup has them, else the newest good version that is young enough. */
export function latestBackup(deps: LatestBackupDeps): Strategy {
  return async (tasks) => {
    const jobs = tasks.map((task) => startJob(task, deps.clock.now_ms()));
    const run: Run = { deps, batch: openBatch(deps.put_back, jobs.length), full: undefined };
    await lookUp(run, jobs);
    await writeExact(
      run,
      jobs.filter((job) => job.version !== null),
    );
    for (const job of jobs.filter(isUndecided)) await guarded(job, () => writeOlder(run, job));
    await syncAll(run, jobs.filter(isWritten));
    await placeAll(run, jobs.filter(isWritten));
    return new Map(jobs.map((job) => [job.task.state.case_id, resultOf(job)]));
  };
}

const isWritten = (job: Job): job is Job & { written: Written } => job.written !== null;
const isUndecided = (job: Job) => job.result === null && job.written === null;

function resultOf({ result, task }: Job) {
  if (result) return result;
  throw new HoldfastError('internal', `nothing was decided about ${task.state.path}`);
}

async function lookUp(run: Run, jobs: readonly Job[]): Promise<void> {
  // The list may be older than the newest backup: read anew at most once a batch, and only where something is missing.
  let refreshed: Promise<void> | undefined;
  const refresh = () => {
    refreshed ??= run.deps.finder.refresh();
    return refreshed;
  };
  await inLanes(jobs, LOOK_LANES, (job) => guarded(job, () => look(run, job, refresh)));
}

async function look({ deps }: Run, job: Job, refresh: () => Promise<void>): Promise<void> {
  const { state } = job.task;
  if (deps.isCalledOff(state.case_id)) return conclude(job, CALLED_OFF);
  if (!deps.settings.sources.has(state.source)) {
    return conclude(job, refusal(`source ${state.source} is not in the configuration`));
  }
  const search = { path: state.path, source: state.source, criteria: criteriaOf(deps, job.task) };
  let found = await deps.finder.find(search);
  if (found.exact === null) {
    await refresh();
    found = await deps.finder.find(search);
  }
  stopwatch(job, 'find');
  job.found = found;
  job.version = found.exact;
  if (found.exact === null) waitForBackup(deps, job);
}

const refusal = (reason: string, known: Job['found'] = null) =>
  ({ kind: 'refused', reason, known: known?.known ?? [] }) as const;

function criteriaOf(deps: LatestBackupDeps, { state }: Task): Criteria {
  return {
    wanted_checksum: state.wanted_checksum,
    wanted_size: state.wanted_size,
    bad_checksums: deps.badChecksums(state.path),
    at_ms: state.at_ms,
    max_age_hours: state.remaining[0]?.max_age_hours,
    now_ms: deps.clock.now_ms(),
  };
}

/** A file that was lost right after an edit may be in a backup that is being made. */
function waitForBackup({ clock, settings }: LatestBackupDeps, job: Job): void {
  const { state, waiting_since_ms } = job.task;
  if (state.wanted_checksum === null || state.at_ms !== null) return;
  const waited_ms = waiting_since_ms === null ? 0 : clock.now_ms() - waiting_since_ms;
  if (waited_ms < settings.backup_wait_ms) putOff(job, settings.backup_wait_ms - waited_ms, true);
}

async function writeExact(run: Run, jobs: readonly Job[]): Promise<void> {
  const small = jobs.filter(({ version }) => (version?.entry.size ?? 0) <= STREAM_BYTES);
  if (small.length > 1) await writeMany(run, small);
  for (const job of jobs) {
    if (isUndecided(job)) await guarded(job, () => writeOne(run, job));
  }
}

async function writeMany(run: Run, jobs: readonly Job[]): Promise<void> {
  const byPath = new Map(jobs.map((job) => [job.task.state.path, job]));
  const writing = new Set<Promise<void>>();
  let stopped = false;
  const use = async (entry: Entry, data: Buffer) => {
    const job = byPath.get(entry.path);
    if (job === undefined || stopped) return;
    const work = guarded(job, () => write(run, job, data));
    writing.add(work);
    await work;
    writing.delete(work);
  };
  try {
    const entries = jobs.flatMap(({ version }) => (version ? [version.entry] : []));
    await run.deps.repository.read_many(entries, use);
  } catch {
    // One damaged file stops the whole reading. Those that were not reached are read one by one, and say why.
    stopped = true;
    await Promise.all(writing);
  }
}

async function writeOne(run: Run, job: Job): Promise<void> {
  const { repository } = run.deps;
  const entry = job.version?.entry;
  if (entry === undefined) return;
  try {
    const large = entry.size > STREAM_BYTES;
    await write(run, job, large ? repository.read_stream(entry) : await repository.read(entry));
  } catch (error) {
    if (!isDamaged(error)) throw error;
    await lookPast(run, job, entry.checksum);
  }
}

/** The stored bytes are damaged: what older versions are there? */
async function lookPast({ deps }: Run, job: Job, checksum: string): Promise<void> {
  const { path, source } = job.task.state;
  const criteria = criteriaOf(deps, job.task);
  const bad_checksums = new Set([...criteria.bad_checksums, checksum]);
  job.version = null;
  job.found = await deps.finder.find({
    path,
    source,
    criteria: { ...criteria, wanted_checksum: '', bad_checksums },
  });
}

async function writeOlder(run: Run, job: Job): Promise<void> {
  const { path, source } = job.task.state;
  const validator = run.deps.settings.sources.get(source)?.config.validator;
  const reasons = [...(job.found?.refused ?? [])];
  for (const version of job.found?.older ?? []) {
    const data = await run.deps.repository.read(version.entry);
    const problem = contentProblem(path, validator, data);
    if (problem === null) {
      job.version = version;
      job.exact = false;
      return write(run, job, data);
    }
    reasons.push(problem);
  }
  const why =
    reasons.length === 0 ? 'no backup holds this file' : [...new Set(reasons)].slice(0, 3).join('; ');
  conclude(job, refusal(why, job.found));
}

async function write(run: Run, job: Job, content: Content): Promise<void> {
  if (run.full !== undefined) throw run.full;
  stopwatch(job, 'read');
  try {
    if (job.version) job.written = await run.batch.write(putBackOf(run.deps, job.task, job.version), content);
  } catch (error) {
    if (isDiskFull(error)) run.full = error;
    throw error;
  }
  stopwatch(job, 'write');
}

function putBackOf({ settings, finder }: LatestBackupDeps, task: Task, version: Version): PutBack {
  const { state, resumed, incident_at_ms } = task;
  const { case_id, recovery_id, host, source, path } = state;
  const roots = settings.sources.get(source)?.roots ?? [];
  const before_ns = state.folder_mtime_ns === null ? null : BigInt(state.folder_mtime_ns);
  const folder = {
    root: rootOf(path, roots),
    lost_at_ms: Date.parse(state.lost_at),
    before_ns: resumed ? before_ns : undefined,
    entryOf: (folder_path: string) => finder.folder(folder_path, source, incident_at_ms),
  };
  const base = { case_id, recovery_id, host, source, path, entry: version.entry, folder, resumed };
  return { ...base, displaces: displacedBy(task) };
}

function displacedBy({ state }: Task): PutBack['displaces'] {
  if (state.at_ms !== null) return 'any';
  return state.bad_checksum === null ? 'none' : { bad: state.bad_checksum };
}

async function syncAll(run: Run, jobs: readonly (Job & { written: Written })[]): Promise<void> {
  try {
    await run.batch.sync(jobs.map((job) => job.written));
    for (const job of jobs) stopwatch(job, 'sync');
  } catch (error) {
    // Anything but a full disk means that the disk cannot be trusted any more.
    if (!isDiskFull(error)) throw error;
    for (const job of jobs) {
      const { written } = job;
      await run.batch.abandon(written);
      (job as Job).written = null;
      conclude(job, failureOf(error, job.task.state.path));
    }
  }
}

async function placeAll(run: Run, jobs: readonly (Job & { written: Written })[]): Promise<void> {
  let placed = 0;
  await inLanes(jobs, PLACE_LANES, async (job) => {
    await guarded(job, () => place(run, job, job.written));
    placed += 1;
    if (placed % TURN_EVERY === 0) await turn();
  });
  await run.batch.finish(jobs.filter(isWritten).map((job) => job.written));
}

async function place({ deps, batch }: Run, job: Job, written: Written): Promise<void> {
  if (deps.isCalledOff(job.task.state.case_id)) {
    await batch.abandon(written);
    job.written = null;
    return conclude(job, CALLED_OFF);
  }
  const placement = await batch.place(written);
  stopwatch(job, 'place');
  if (placement.kind === 'placed' && job.version) {
    const { quarantined_to } = placement;
    return concludePlaced(job, job.version, { quarantined_to, now_ms: deps.clock.now_ms() });
  }
  if (placement.kind === 'busy') return waitForWriter(deps, job, placement.pids);
  conclude(job, standingAlready(job.task, placement.kind === 'same'));
}

function standingAlready({ state }: Task, same: boolean) {
  if (same) return { kind: 'superseded', reason: 'the same bytes stand there again' } as const;
  const message = `something newer stands at ${state.path}; it was not touched`;
  if (state.kind === 'requested') return { kind: 'failed', code: 'target_occupied', message } as const;
  return { kind: 'superseded', reason: `target_occupied: ${message}` } as const;
}

function waitForWriter({ clock, settings }: LatestBackupDeps, job: Job, pids: readonly number[]): void {
  const { waiting_since_ms } = job.task;
  const waited_ms = waiting_since_ms === null ? 0 : clock.now_ms() - waiting_since_ms;
  if (waited_ms < settings.writer_wait_ms) putOff(job, BUSY_DELAY_MS);
  else conclude(job, refusal(`still open for writing by process ${pids.join(', ')}`, job.found));
}
