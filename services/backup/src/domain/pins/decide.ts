import { dirname } from 'node:path';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { LossCase, Pin } from './state.ts';

/** What an event does to the cases of its path. */
export type CaseChange = { readonly open: LossCase } | { readonly close: string } | null;

/** Opens at a loss, closes when it is over; other events leave the cases alone. */
export function caseChangeOf(event: HoldfastEvent): CaseChange {
  switch (event.type) {
    case 'FileDeleted':
    case 'FileCorrupted':
      return { open: openedBy(event) };
    case 'FileRecovered':
    case 'RecoverySuperseded':
    case 'FileRetired':
      return { close: event.subject };
    default:
      return null;
  }
}

function openedBy(event: HoldfastEvent<'FileDeleted' | 'FileCorrupted'>): LossCase {
  const corrupted = event.type === 'FileCorrupted';
  return {
    event_id: event.id,
    path: event.data.path,
    source: event.data.source,
    kind: corrupted ? 'corrupted' : 'deleted',
    wanted: event.data.checksum,
    bad: corrupted ? event.data.actual_checksum : null,
    opened_ms: Date.parse(event.data.detected_at),
  };
}

/**
 * The paths that a snapshot takes over from the one before, whatever stands on disk: those under a case, so that corrupt
 * bytes are never recorded as good and a missing file is not dropped, and their folders where these are gone as well.
 */
export function carriedPaths(cases: Iterable<string>, isMissing: (folder: string) => boolean): Set<string> {
  const carried = new Set<string>();
  for (const path of cases) {
    carried.add(path);
    for (let folder = dirname(path); !carried.has(folder) && isMissing(folder); folder = dirname(folder)) {
      carried.add(folder);
    }
  }
  return carried;
}

/** The version to pin, of those there are (newest first): the bytes that are wanted, else the newest that are not the bad ones. */
export function choosePin(
  lost: LossCase,
  versions: readonly { snapshot_id: string; checksum: string }[],
): Pin | null {
  const exact = versions.find((version) => version.checksum === lost.wanted);
  if (exact !== undefined) return { snapshot_id: exact.snapshot_id, exact: true };
  const good = versions.find((version) => version.checksum !== lost.bad);
  return good === undefined ? null : { snapshot_id: good.snapshot_id, exact: false };
}
