import type { BackupMetrics } from '../../metrics.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import type { RunRequest } from '../backup-run/plan-runs.ts';
import type { Reclaimer } from '../retention/reclaim.ts';
import { createNotes, type VerifyNotes, verifyNext } from './verify-next.ts';

/** Proves backups by itself, one at a time, where nothing more urgent is done. */
export interface Verifier extends AsyncDisposable {
  /** Looks whether something is to be verified, and goes on looking. */
  wake(): void;
}

export interface VerifierDeps extends SnapshotDeps {
  readonly metrics: BackupMetrics;
  readonly reclaimer: Reclaimer;
  readonly request: (wishes: readonly RunRequest[]) => void;
}

const LOOK_AGAIN_MS = 30_000;
const FAILED_AGAIN_MS = 300_000;
/** Between two verifications it rests as long as the last one took: it has half of the time at most. */
const REST_MIN_MS = 250;

/** A verifier that stands still until its first `wake`. What a kill breaks off is simply begun again. */
export function createVerifier(deps: VerifierDeps): Verifier {
  const { context, settings } = deps;
  const stopping = new AbortController();
  const notes = createNotes();
  let working: Promise<void> | null = null;
  let cancel: () => void = () => undefined;
  const look = () => {
    if (stopping.signal.aborted || working !== null || settings.verification === null) return;
    cancel();
    working = round(deps, notes, stopping.signal)
      .catch((error: unknown) => {
        if (!stopping.signal.aborted)
          context.log.warn({ err: error }, 'a verification broke off; will retry');
        return FAILED_AGAIN_MS;
      })
      .then((rest_ms) => {
        working = null;
        if (!stopping.signal.aborted) cancel = context.clock.after(rest_ms, look);
      });
  };
  return {
    wake: look,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      cancel();
      await working;
    },
  };
}

/** Verifies what is next, if anything is; how long to rest then. */
async function round(deps: VerifierDeps, notes: VerifyNotes, signal: AbortSignal): Promise<number> {
  const walks = deps.state.runs.open().some(({ walk, status }) => walk && status === 'running');
  if (walks) return REST_MIN_MS;
  const took_ms = await verifyNext(deps, notes, signal);
  return took_ms === null ? LOOK_AGAIN_MS : Math.max(REST_MIN_MS, took_ms);
}
