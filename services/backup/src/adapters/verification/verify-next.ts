import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { newId } from '@holdfast/event-store/new-event';
import type { Repository } from '@holdfast/repository/api';
import { hasFailed } from '../../domain/manifest/validation.ts';
import { nextVerification, type Verifiable, type Verification } from '../../domain/verification/decide.ts';
import { type ProofOptions, proveBackup } from './prove-backup.ts';
import { hasRoom } from './scratch-folder.ts';
import { tellVerified } from './tell-verified.ts';
import type { VerifierDeps } from './verifier.ts';

/** What is not worth a place in the catalog: a restart looks again. */
export interface VerifyNotes {
  /** When a damaged backup was looked at again and still was. */
  readonly still_bad: Map<string, number>;
  /** Sources of which there was no room to restore a backup, and when. */
  readonly no_room: Map<string, number>;
  /** When the repository was last mended. */
  mended_ms: number;
}

/** Mending reads every byte: damage that reaches many backups is looked at once. */
const MEND_EVERY_MS = 3_600_000;

export function createNotes(): VerifyNotes {
  return { still_bad: new Map(), no_room: new Map(), mended_ms: Number.NEGATIVE_INFINITY };
}

interface Task {
  readonly manifest: BackupManifest;
  readonly level: Verification['level'];
  readonly options: ProofOptions;
}

/** Verifies the backup that is next, and tells of it; how long it took, or null where none is. */
export async function verifyNext(
  deps: VerifierDeps,
  notes: VerifyNotes,
  signal: AbortSignal,
): Promise<number | null> {
  const { state, settings, context } = deps;
  const next = nextOf(deps, notes);
  const manifest = next === null ? undefined : state.catalog.get(next.backup_id);
  if (next === null || manifest === undefined) return null;
  if (next.level === 'restore' && !(await hasRoom(settings.scratch_dir, sizeOf(manifest)))) {
    notes.no_room.set(sourceOf(manifest), context.clock.now_ms());
    context.log.warn({ backup_id: next.backup_id }, 'there is no room to restore a backup as a test');
    return 0;
  }
  const base = next.level === 'data' ? state.verify.nearestRead(next.backup_id) : null;
  const options = { signal, ...(base !== null && { base: state.catalog.get(base) }) };
  return verify(deps, notes, { manifest, level: next.level, options });
}

function nextOf({ state, settings, context }: VerifierDeps, notes: VerifyNotes): Verification | null {
  const policy = settings.verification;
  if (policy === null) return null;
  const now_ms = context.clock.now_ms();
  const later = (known: number | null, noted: number | undefined) =>
    noted === undefined ? known : Math.max(known ?? 0, noted);
  const candidates = state.verify.candidates(policy, now_ms).map((one): Verifiable => {
    const { backup_id, source, read_ms, restored_ms, is_bad } = one;
    return {
      ...one,
      read_ms: is_bad ? later(read_ms, notes.still_bad.get(backup_id)) : read_ms,
      restored_ms: later(restored_ms, notes.no_room.get(source)),
    };
  });
  return nextVerification(candidates, policy, now_ms);
}

async function verify(deps: VerifierDeps, notes: VerifyNotes, task: Task): Promise<number> {
  const { manifest, level, options } = task;
  const was_bad = hasFailed(manifest.validation);
  const result = await proveBackup(
    deps,
    manifest,
    level,
    was_bad ? { ...options, base: undefined } : options,
  );
  if (!result.passed) notes.still_bad.set(manifest.backup_id, deps.context.clock.now_ms());
  // Damage is told when it is found; after that, that it is mended.
  if (result.passed || !was_bad) tellVerified(deps, result, 'holdfast');
  if (!result.passed && !was_bad) await heal(deps, notes, task);
  return result.duration_ms;
}

/**
 * Mends what can be mended from the files themselves, and looks again. Where the newest backup of a source stays damaged a
 * new one is made that reads everything; what older ones have lost is told, and stays as it is.
 */
async function heal(
  deps: VerifierDeps,
  notes: VerifyNotes,
  { manifest, level, options }: Task,
): Promise<void> {
  const { state, context, settings } = deps;
  const { signal } = options;
  const now_ms = context.clock.now_ms();
  if (now_ms >= notes.mended_ms + MEND_EVERY_MS) {
    notes.mended_ms = now_ms;
    await mend(deps, manifest, signal);
  }
  const again = await proveBackup(deps, manifest, level, { signal });
  if (again.passed) return tellVerified(deps, again, 'holdfast');
  const source = sourceOf(manifest);
  if (state.catalog.newest(source)?.backup_id !== manifest.backup_id) return;
  if (!settings.sources.some(({ name }) => name === source)) return;
  const wish = { source, type: 'full', reason: 'schedule', schedule: null, compression: true } as const;
  deps.request([{ ...wish, correlationid: newId(now_ms), actor: 'holdfast' }]);
}

/** In the nearest tier that has the backup; a copy in another one is looked at first, then the files themselves. */
async function mend(deps: VerifierDeps, { backup_id }: BackupManifest, signal: AbortSignal | undefined) {
  const { context, state, tiers, reclaimer } = deps;
  const [nearest, second] = state.copies.of(backup_id);
  if (nearest === undefined) return;
  const repository = await tiers.get(nearest.tier);
  const from = second === undefined ? undefined : ((await tiers.get(second.tier)) as Repository);
  const mended = await reclaimer.exclusive(nearest.tier, () =>
    repository.repair({ live: true, ...(from && { from }), ...(signal && { signal }) }),
  );
  const { chunks_from_second, chunks_from_live, chunks_salvaged, problems } = mended;
  context.log.warn(
    { tier: nearest.tier, chunks_from_second, chunks_from_live, chunks_salvaged, left: problems.length },
    'the repository was mended',
  );
}

function sourceOf({ sources }: BackupManifest): string {
  return sources[0]?.source ?? '';
}

function sizeOf({ sources }: BackupManifest): number {
  return sources.reduce((sum, { total_size_bytes }) => sum + total_size_bytes, 0);
}
