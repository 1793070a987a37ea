import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { VerifyResult } from '@holdfast/contracts/http/backup';
import type { CopyRequest, Repository } from '@holdfast/repository/api';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { toKnownError } from '../backup-run/run-error.ts';
import type { Engine } from '../engine.ts';
import { forgetIn } from '../retention/forget-snapshots.ts';
import type { Reclaimer } from '../retention/reclaim.ts';
import { proveCopy } from '../verification/prove-backup.ts';
import type { Copy } from './copy-table.ts';

export interface MoveDeps extends SnapshotDeps {
  readonly reclaimer: Reclaimer;
}

export interface CopyOrder {
  readonly manifest: BackupManifest;
  readonly from: Copy;
  readonly to: string;
  readonly correlationid: string;
  readonly signal: AbortSignal;
}

/** How hard a tier compresses what is copied into it. */
const COMPRESSION = { normal: 'default', high: 'high', maximum: 'max' } as const;

/** The copy in the nearer tier cannot be read whole: nothing is wrong with the tier that it should go to. */
export class OriginDamaged extends Error {
  override readonly name = 'OriginDamaged';
}

/**
 * Copies a backup into another tier and reads every byte of it back there; then it is told. Done again after a crash it
 * finds what was copied. Rejects with OriginDamaged, or as the tier fails; nothing is told then.
 */
export async function copyBackup(deps: MoveDeps, order: CopyOrder): Promise<void> {
  const started = performance.now();
  const { manifest, from, to, correlationid } = order;
  const { backup_id } = manifest;
  const source = await deps.tiers.get(from.tier);
  const target = await deps.tiers.get(to, { make: true });
  const snapshot_id = await copied(deps, { source, target }, order);
  const repository = interruptible(target, order.signal);
  const proof = await proveCopy(
    { ...deps, repository },
    { ...manifest, snapshot_id },
    { level: 'data', signal: order.signal },
  );
  if (!proof.passed) throw refused(deps, order, { snapshot_id, proof });
  const { files_checked, bytes_checked } = proof;
  const data = {
    ...{ backup_id, tier: to, from_tier: from.tier, repository_id: target.id, snapshot_id },
    ...{ files_checked, bytes_checked, duration_ms: Math.round(performance.now() - started) },
  };
  const is_told = deps.state.write(() => {
    if (deps.state.catalog.get(backup_id) === undefined) return false;
    deps.state.tell('BackupCopied', { subject: backup_id, data, correlationid });
    return true;
  });
  // Removed meanwhile: whoever did it did not know of this copy.
  if (!is_told) await forgetIn(target, [{ ...from, tier: to, snapshot_id }], 'the backup was removed');
}

/** Reads of a backup may take hours: a service that stops does not wait for them. */
function interruptible(repository: Engine, signal: AbortSignal): Engine {
  return {
    ...repository,
    read_many: (entries, use) => {
      signal.throwIfAborted();
      return repository.read_many(entries, use);
    },
    read_stream: async function* (entry) {
      for await (const piece of repository.read_stream(entry)) {
        signal.throwIfAborted();
        yield piece;
      }
    },
  };
}

async function copied(
  deps: MoveDeps,
  { source, target }: { source: Engine; target: Engine },
  { manifest, from, to, signal }: CopyOrder,
): Promise<string> {
  const compression = compressionOf(deps, to);
  const request: CopyRequest = {
    snapshots: [from.snapshot_id],
    ...(compression !== undefined && { compression }),
    signal,
  };
  // Both are whole repositories: what this service asks of them is only less.
  const { failed } = await target.copy_from(source as Repository, request).catch((error: unknown) => {
    const { code, message } = toKnownError(error);
    throw code === 'snapshot_not_found' ? new OriginDamaged(message, { cause: error }) : error;
  });
  if (failed[0] !== undefined) throw new OriginDamaged(failed[0].reason);
  const name = manifest.sources[0]?.source;
  const there = await target.snapshots({ host: manifest.metadata.hostname, ...(name && { source: name }) });
  const copy = there.find(({ metadata }) => metadata['backup_id'] === manifest.backup_id);
  if (copy !== undefined) return copy.id;
  throw new HoldfastError('storage_failed', `${manifest.backup_id} was copied to ${to} and is not there`);
}

function compressionOf({ tiers }: MoveDeps, tier: string): CopyRequest['compression'] {
  const wanted = tiers.places.find(({ name }) => name === tier)?.config.compression;
  return wanted && COMPRESSION[wanted];
}

function refused(
  { state }: MoveDeps,
  { manifest, to }: CopyOrder,
  { snapshot_id, proof }: { snapshot_id: string; proof: VerifyResult },
): HoldfastError {
  const { backup_id } = manifest;
  state.write(() => {
    state.copies.found({ backup_id, tier: to, snapshot_id });
    state.copies.markBad(backup_id, to);
  });
  return new HoldfastError('repo_damaged', `the copy of ${backup_id} does not verify: ${proof.problems[0]}`);
}

/** True for what says so, of any realm. */
export function isOriginDamaged(error: unknown): error is OriginDamaged {
  return Error.isError(error) && error.name === 'OriginDamaged';
}

/** The backup is bad, as if a verification had found it. */
export function tellDamaged(
  { state, context }: MoveDeps,
  { backup_id, tier }: Copy,
  damage: OriginDamaged,
): void {
  const data = {
    ...{ backup_id, level: 'data' as const, files_checked: 0, bytes_checked: 0, duration_ms: 0 },
    problems: [`${tier}: ${damage.message}`],
  };
  state.write(() => state.tell('BackupVerificationFailed', { subject: backup_id, data }));
  context.log.error({ err: damage, backup_id, tier }, 'a backup is damaged: it stays where it is');
}
