import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupManifest, DatabaseProof } from '@holdfast/contracts/backup-events';
import type { VerifyLevel, VerifyResult } from '@holdfast/contracts/http/backup';
import type { Entry, Snapshot } from '@holdfast/repository/api';
import { treeChecksum } from '../domain/manifest/build.ts';
import { compareRestored } from './compare-restored.ts';
import type { Engine } from './engine.ts';
import type { SnapshotDeps } from './make-snapshot.ts';
import { proveDatabase } from './prove-database.ts';
import { toKnownError } from './run-error.ts';

type Findings = Pick<VerifyResult, 'files_checked' | 'bytes_checked' | 'problems'> & {
  database?: DatabaseProof;
};

const BATCH = 256;
/** Larger files are read piece by piece. */
const WHOLE_MAX = 32 * 1024 * 1024;
/** What is told of a damaged backup; the count of the rest stands behind. */
const PROBLEMS_MAX = 1000;

/**
 * Proves a backup: `manifest` compares the catalog with the snapshot, `data` reads every chunk of every file, `restore`
 * restores into scratch and compares every file. Damage is a finding, not an error.
 */
export async function proveBackup(
  deps: SnapshotDeps,
  manifest: BackupManifest,
  level: VerifyLevel,
): Promise<VerifyResult> {
  const started = performance.now();
  const findings = await look(deps, manifest, level);
  const { problems, ...counts } = findings;
  return {
    backup_id: manifest.backup_id,
    level,
    passed: problems.length === 0,
    ...counts,
    duration_ms: Math.round(performance.now() - started),
    problems: shortened(problems),
  };
}

async function look(deps: SnapshotDeps, manifest: BackupManifest, level: VerifyLevel): Promise<Findings> {
  const findings: Findings = { files_checked: 0, bytes_checked: 0, problems: [] };
  try {
    const snapshot = await deps.repository.snapshot(manifest.snapshot_id);
    await compareManifest(deps.repository, { snapshot, manifest }, findings);
    if (level === 'data') await readAll(deps.repository, snapshot, findings);
    if (level === 'restore') await restoreAll(deps, snapshot, findings);
    if (level === 'restore') await proveContents(deps, { manifest, snapshot }, findings);
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
  const stored = Object(snapshot.metadata['manifest']) as Partial<BackupManifest>;
  const differ = (what: string, told: unknown, found: unknown) => {
    if (told !== found) findings.problems.push(`manifest: ${what} is told as ${told} and found as ${found}`);
  };
  differ('the backup', manifest.backup_id, stored.backup_id);
  differ('the time', manifest.timestamp, stored.timestamp);
  differ('the tree', source?.checksum, treeChecksum(snapshot.tree));
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

async function readAll(repository: Engine, snapshot: Snapshot, findings: Findings): Promise<void> {
  let batch: Entry[] = [];
  for await (const entry of repository.entries(snapshot)) {
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

async function restoreAll(deps: SnapshotDeps, snapshot: Snapshot, findings: Findings): Promise<void> {
  const scratch = deps.settings.scratch_dir;
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  const target = await mkdtemp(join(scratch, 'verify-'));
  try {
    const { failed } = await deps.repository.restore({ snapshot_id: snapshot.id, target });
    for (const { path, reason } of failed) findings.problems.push(`${path}: ${reason}`);
    const named = new Set(failed.map(({ path }) => path));
    const entries = deps.repository.entries(snapshot);
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
  findings: Findings,
): Promise<void> {
  if (findings.problems.length > 0) return;
  const proven = await proveDatabase(deps, backup, new AbortController().signal);
  if (proven === null) return;
  findings.database = proven.database;
  findings.problems.push(...proven.problems);
}

function shortened(problems: readonly string[]): string[] {
  const first = problems.slice(0, PROBLEMS_MAX);
  return first.length === problems.length ? first : [...first, `and ${problems.length - first.length} more`];
}
