import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { VerifyResult } from '@holdfast/contracts/http/backup';
import type { CopyRequest, Repository } from '@holdfast/repository/api';
import type { Copy } from './copy-table.ts';
import type { Engine } from './engine.ts';
import { forgetIn } from './forget-snapshots.ts';
import type { SnapshotDeps } from './make-snapshot.ts';
import { proveCopy } from './prove-backup.ts';
import type { Reclaimer } from './reclaim.ts';

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
  const proof = await proveCopy({ ...deps, repository: target }, { ...manifest, snapshot_id }, 'data');
  if (!proof.passed) throw refused(deps, order, { snapshot_id, proof });
  const { files_checked, bytes_checked } = proof;
  const data = {
    ...{ backup_id, tier: to, from_tier: from.tier, repository_id: target.id, snapshot_id },
    ...{ files_checked, bytes_checked, duration_ms: Math.round(performance.now() - started) },
  };
  deps.state.write(() => deps.state.tell('BackupCopied', { subject: backup_id, data, correlationid }));
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
  const { failed } = await target.copy_from(source as Repository, request);
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

/**
 * Ends the removal of copies that were decided to go: from the repository, then told. Each only while another tier, which
 * answers now, holds a verified copy. A crash between leaves the mark, and the same is done again.
 */
export async function dropGoing(deps: MoveDeps, correlationid: string): Promise<number> {
  const { state, tiers, reclaimer } = deps;
  let dropped = 0;
  for (const copy of state.copies.going()) {
    const { backup_id, tier, snapshot_id, reason } = copy;
    const kept_in = await keptIn(deps, backup_id);
    if (kept_in.length === 0 || isWanted(deps, snapshot_id)) {
      state.write(() => state.copies.markGoing(copy, null));
      continue;
    }
    await forgetIn(await tiers.get(tier), [copy], reason);
    const data = { backup_id, tier, snapshot_id, kept_in, reason };
    state.write(() => state.tell('BackupCopyRemoved', { subject: backup_id, data, correlationid }));
    reclaimer.note(tier);
    dropped += 1;
  }
  return dropped;
}

/** Tiers in which a verified copy stands at this moment. */
async function keptIn({ state, tiers }: MoveDeps, backup_id: string): Promise<string[]> {
  const verified = state.copies.of(backup_id).filter((copy) => copy.verified_ms !== null && !copy.is_bad);
  const standing: string[] = [];
  for (const { tier, snapshot_id } of verified) {
    try {
      await (await tiers.get(tier)).snapshot(snapshot_id);
      standing.push(tier);
    } catch {
      // A tier that does not answer keeps nothing, as far as this decision goes; who copies into it tells people.
    }
  }
  return standing;
}

/** A loss came after the decision. */
function isWanted({ state }: MoveDeps, snapshot_id: string): boolean {
  return state.cases.pins().snapshots.has(snapshot_id);
}
