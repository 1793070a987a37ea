import { lstatSync } from 'node:fs';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { ProtectedSource } from '../../config.ts';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import type { BackupState } from '../state.ts';
import type { TakenChanges } from './change-table.ts';

/** Collects what a walk finds, to tell what events should have named. */
export interface MissedChanges {
  /** A path that differs from the last backup. */
  readonly found: (path: string) => void;
  /** Undefined where nothing was missed. */
  told(): BackupManifest['missed_by_events'];
}

/** So many are looked at in one go. */
const FOUND_MAX = 2_000;
const PATHS_TOLD = 20;
/** An event of what changed so short a time ago may still be on its way. */
const ON_ITS_WAY_MS = 10_000;

/** Undefined where the source is not backed up by events, or this run is the one that events started. */
export function missedChanges(
  state: BackupState,
  { run, source, taken }: { run: BackupRun; source: ProtectedSource; taken: TakenChanges },
): MissedChanges | undefined {
  const is_by_events = source.plan.on_change && source.mongodb === undefined;
  if (!is_by_events || !run.walk || run.reason === 'first' || run.started_ms === null) return undefined;
  const found = new Set<string>();
  const settled_before_ms = run.started_ms - ON_ITS_WAY_MS;
  return {
    found: (path) => {
      if (found.size < FOUND_MAX) found.add(path);
    },
    told: () => {
      const named = new Set(
        [...taken.paths, ...state.changes.take(source.name).paths].map(({ path }) => path),
      );
      const missed = [...found].filter((path) => !named.has(path) && isOldFile(path, settled_before_ms));
      if (missed.length === 0) return undefined;
      return { files: missed.length, paths: missed.slice(0, PATHS_TOLD) };
    },
  };
}

/** A file, or nothing any more: of folders no events tell. What is gone is a loss that the monitor tells of. */
function isOldFile(path: string, before_ms: number): boolean {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat !== undefined && !stat.isDirectory() && stat.ctimeMs < before_ms;
  } catch {
    return false; // What cannot be looked at now is nothing to be sure of.
  }
}
