import { rm } from 'node:fs/promises';
import type { BackupManifest, DatabaseProof } from '@holdfast/contracts/backup-events';
import type { VerifyLevel, VerifyResult } from '@holdfast/contracts/http/backup';
import type { ReportProgress } from '@holdfast/contracts/http/progress';
import type { Entry, Snapshot } from '@holdfast/repository/api';
import { HOT } from '@holdfast/runtime/repository-place';
import { createWorkMeter } from '@holdfast/runtime/work-meter';
import { treeChecksum } from '../../domain/manifest/build.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { toKnownError } from '../backup-run/run-error.ts';
import type { Engine } from '../engine.ts';
import { metered, restoringFiles } from '../file-progress.ts';
import { readCopy } from '../tiers/read-copies.ts';
import { compareRestored } from './compare-restored.ts';
import { proveDatabase } from './prove-database.ts';
import { makeScratchFolder } from './scratch-folder.ts';

type Findings = Pick<VerifyResult, 'files_checked' | 'bytes_checked' | 'problems'> & {
  database?: DatabaseProof;
};

const BATCH = 256;
/** Larger files are read piece by piece. */
const WHOLE_MAX = 32 * 1024 * 1024;
/** What is told of a damaged backup; the count of the rest stands behind. */
const PROBLEMS_MAX = 1000;

export interface ProofOptions {
  /** Of `data`: a backup whose bytes were read and found well; what this one has in common with it is not read again. */
  readonly base?: BackupManifest | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly report?: ReportProgress | undefined;
}

/**
 * Proves a backup: `manifest` compares the catalog with the snapshot, `data` reads every chunk of every file, `restore`
 * restores into scratch and compares every file. Damage is a finding, not an error.
 */
export async function proveBackup(
  deps: SnapshotDeps,
  manifest: BackupManifest,
  level: VerifyLevel,
  options: ProofOptions = {},
): Promise<VerifyResult> {
  return readCopy(deps, manifest, ({ tier, repository, snapshot_id }) => {
    // What a base has in common with a backup lies in hot.
    const { base, ...others } = options;
    const own = { ...others, ...(tier === HOT && { base }) };
    return proveCopy({ ...deps, repository }, { ...manifest, snapshot_id }, { level, ...own });
  });
}

/** The same of the copy whose repository and snapshot are given. */
export async function proveCopy(
  deps: SnapshotDeps,
  manifest: BackupManifest,
  { level, ...options }: ProofOptions & { readonly level: VerifyLevel },
): Promise<VerifyResult> {
  const started = performance.now();
  const findings = await look(deps, { manifest, level, options });
  const { problems, ...counts } = findings;
  return {
    backup_id: manifest.backup_id,
    level,
    passed: problems.length === 0,
    ...counts,
    ...(level === 'data' && options.base !== undefined && { base_backup_id: options.base.backup_id }),
    duration_ms: Math.round(performance.now() - started),
    problems: shortened(problems),
  };
}

interface Proof {
  readonly manifest: BackupManifest;
  readonly level: VerifyLevel;
  readonly options: ProofOptions;
}

async function look(deps: SnapshotDeps, { manifest, level, options }: Proof): Promise<Findings> {
  const findings: Findings = { files_checked: 0, bytes_checked: 0, problems: [] };
  try {
    const snapshot = await deps.repository.snapshot(manifest.snapshot_id);
    if (level === 'data' && options.base !== undefined) {
      await readNew(deps.repository, { snapshot, manifest, options }, findings);
      return findings;
    }
    await compareManifest(deps.repository, { snapshot, manifest }, findings);
    if (level === 'data') {
      const entries = watched(deps.repository.entries(snapshot), 'reading', { findings, ...options });
      await readAll(deps.repository, entries, findings);
    }
    if (level === 'restore') await restoreAll(deps, snapshot, { findings, ...options });
    if (level === 'restore') await proveContents(deps, { manifest, snapshot }, { findings, ...options });
  } catch (error) {
    // The snapshot itself or its tree is damaged or gone: that is the finding.
    const known = toKnownError(error);
    if (known.code !== 'repo_damaged' && known.code !== 'snapshot_not_found') throw known;
    findings.problems.push(`${manifest.snapshot_id}: ${known.message}`);
  }
  return findings;
}

async function compareManifest(
  repository: Engine,
  { snapshot, manifest }: { snapshot: Snapshot; manifest: BackupManifest },
  findings: Findings,
): Promise<void> {
  const [source] = manifest.sources;
  const differ = compareSeal(snapshot, manifest, findings);
  let files = 0;
  let bytes = 0;
  for await (const entry of repository.entries(snapshot)) {
    if (entry.kind !== 'file') continue;
    files += 1;
    bytes += entry.size;
  }
  differ('the number of files', source?.files_backed_up, files);
  differ('their size', source?.total_size_bytes, bytes);
  findings.files_checked = files;
  findings.bytes_checked = bytes;
}

/** What the manifest says of itself; the result compares one thing more. */
function compareSeal(snapshot: Snapshot, manifest: BackupManifest, { problems }: Findings) {
  const stored = Object(snapshot.metadata['manifest']) as Partial<BackupManifest>;
  const differ = (what: string, told: unknown, found: unknown) => {
    if (told !== found) problems.push(`manifest: ${what} is told as ${told} and found as ${found}`);
  };
  differ('the backup', manifest.backup_id, stored.backup_id);
  differ('the time', manifest.timestamp, stored.timestamp);
  differ('the tree', manifest.sources[0]?.checksum, treeChecksum(snapshot.tree));
  return differ;
}

/** Reads what this backup holds and its base does not: a cost that follows the change. */
async function readNew(
  repository: Engine,
  { snapshot, manifest, options }: Omit<Proof, 'level'> & { readonly snapshot: Snapshot },
  findings: Findings,
): Promise<void> {
  compareSeal(snapshot, manifest, findings);
  const base = await repository.snapshot(options.base?.snapshot_id ?? '');
  const entries = until(newIn(repository.diff(base, snapshot), findings), options.signal);
  await readAll(repository, entries, findings);
}

async function* newIn(differences: ReturnType<Engine['diff']>, findings: Findings): AsyncIterable<Entry> {
  for await (const { after } of differences) {
    if (after?.kind !== 'file') continue;
    findings.files_checked += 1;
    findings.bytes_checked += after.size;
    yield after;
  }
}

/** The same, and counted: findings know by now how much there is. */
function watched(
  entries: AsyncIterable<Entry>,
  doing: 'reading' | 'comparing',
  { findings, signal, report }: ProofOptions & { readonly findings: Findings },
): AsyncIterable<Entry> {
  const { files_checked: items_total, bytes_checked: bytes_total } = findings;
  const meter = createWorkMeter(report, { doing, items: 'files', items_total, bytes_total });
  return metered(until(entries, signal), meter);
}

/** Ends with the reason of the signal where the service stops. */
async function* until(entries: AsyncIterable<Entry>, signal: AbortSignal | undefined): AsyncIterable<Entry> {
  for await (const entry of entries) {
    signal?.throwIfAborted();
    yield entry;
  }
}

async function readAll(repository: Engine, entries: AsyncIterable<Entry>, findings: Findings): Promise<void> {
  let batch: Entry[] = [];
  for await (const entry of entries) {
    if (entry.kind !== 'file') continue;
    if (entry.size > WHOLE_MAX) await readOne(repository, entry, findings);
    else batch.push(entry);
    if (batch.length < BATCH) continue;
    await readBatch(repository, batch, findings);
    batch = [];
  }
  await readBatch(repository, batch, findings);
}

async function readBatch(repository: Engine, batch: readonly Entry[], findings: Findings): Promise<void> {
  try {
    await repository.read_many(batch, async () => undefined);
  } catch (error) {
    if (toKnownError(error).code !== 'repo_damaged') throw error;
    // Something in it is damaged: one by one says what.
    for (const entry of batch) await readOne(repository, entry, findings);
  }
}

async function readOne(repository: Engine, entry: Entry, findings: Findings): Promise<void> {
  try {
    await readToEnd(repository.read_stream(entry));
  } catch (error) {
    const known = toKnownError(error);
    if (known.code !== 'repo_damaged') throw known;
    findings.problems.push(`${entry.path}: ${known.message}`);
  }
}

// It is read to be verified: the bytes themselves are of no use here.
async function readToEnd(pieces: AsyncIterable<unknown>): Promise<void> {
  const reading = pieces[Symbol.asyncIterator]();
  let step = await reading.next();
  while (step.done !== true) step = await reading.next();
}

async function restoreAll(
  deps: SnapshotDeps,
  snapshot: Snapshot,
  watching: ProofOptions & { readonly findings: Findings },
): Promise<void> {
  const { findings, signal, report } = watching;
  const target = await makeScratchFolder(deps.settings.scratch_dir);
  try {
    const { failed } = await deps.repository.restore({
      snapshot_id: snapshot.id,
      target,
      ...(signal && { signal }),
      ...(report && { on_progress: (progress) => report(restoringFiles(progress)) }),
    });
    for (const { path, reason } of failed) findings.problems.push(`${path}: ${reason}`);
    const named = new Set(failed.map(({ path }) => path));
    const entries = watched(deps.repository.entries(snapshot), 'comparing', watching);
    for (const { path, reason } of await compareRestored(entries, target, (path) => !named.has(path))) {
      findings.problems.push(`${path}: ${reason}`);
    }
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

/** A backup of a database is more than its files: they are restored as what they are. */
async function proveContents(
  deps: SnapshotDeps,
  backup: { manifest: BackupManifest; snapshot: Snapshot },
  { findings, report, signal = new AbortController().signal }: ProofOptions & { findings: Findings },
): Promise<void> {
  if (findings.problems.length > 0) return;
  const proven = await proveDatabase(deps, backup, { signal, report });
  if (proven === null) return;
  findings.database = proven.database;
  findings.problems.push(...proven.problems);
}

function shortened(problems: readonly string[]): string[] {
  const first = problems.slice(0, PROBLEMS_MAX);
  return first.length === problems.length ? first : [...first, `and ${problems.length - first.length} more`];
}
