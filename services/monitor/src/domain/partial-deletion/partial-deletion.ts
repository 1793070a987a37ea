import { dirname } from 'node:path';

/** Files that one incident took so far. */
export interface Toll {
  readonly source: string;
  readonly first_ms: number;
  readonly last_ms: number;
  readonly files: number;
  readonly bytes: number;
  /** Files that went from below each folder, up to the root. Grows as it is added to. */
  readonly folders: Map<string, number>;
}

export interface DepletedFolder {
  readonly folder: string;
  readonly files_lost: number;
  /** Lost and left: what was known there before. */
  readonly files_known: number;
}

/** Fewer are told one by one, that is clear enough. */
export const FILES_MIN = 10;
const NAMED_MAX = 10;
const ASKED_MAX = 500;

/** The toll with one more file. */
export function addLoss(
  toll: Toll | undefined,
  lost: { path: string; source: string; size: number; root: string; now_ms: number },
): Toll {
  const { path, source, size, root, now_ms } = lost;
  const folders = toll?.folders ?? new Map<string, number>();
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    folders.set(folder, (folders.get(folder) ?? 0) + 1);
    if (folder === root || folder === dirname(folder)) break;
  }
  const first_ms = toll?.first_ms ?? now_ms;
  return {
    source,
    first_ms,
    last_ms: now_ms,
    files: (toll?.files ?? 0) + 1,
    bytes: (toll?.bytes ?? 0) + size,
    folders,
  };
}

/** The folders that may have lost most of their files: how many are known there has to be asked. */
export function suspectFolders({ folders }: Toll): string[] {
  const many = [...folders].filter(([, lost]) => lost >= FILES_MIN);
  return many
    .sort(([, one], [, other]) => other - one)
    .slice(0, ASKED_MAX)
    .map(([folder]) => folder);
}

/** Those that lost more than half of what is known there; none below another; the worst first. */
export function depletedFolders(
  { folders }: Toll,
  known: readonly { readonly folder: string; readonly files_known: number }[],
): DepletedFolder[] {
  const depleted = known
    .map(({ folder, files_known }) => ({ folder, files_known, files_lost: folders.get(folder) ?? 0 }))
    .filter(({ files_lost, files_known }) => files_lost * 2 > files_known);
  // Where all of it went from one folder below, that is the one to name.
  const exact = depleted.filter((one) => !depleted.some((other) => isInside(other, one)));
  const names = new Set(exact.map(({ folder }) => folder));
  return exact
    .filter(({ folder }) => !hasAbove(folder, names))
    .sort((one, other) => other.files_lost - one.files_lost)
    .slice(0, NAMED_MAX);
}

function isInside(inner: DepletedFolder, outer: DepletedFolder): boolean {
  return inner.files_lost === outer.files_lost && inner.folder.startsWith(`${outer.folder}/`);
}

function hasAbove(folder: string, names: ReadonlySet<string>): boolean {
  for (let above = dirname(folder); ; above = dirname(above)) {
    if (above !== folder && names.has(above)) return true;
    if (above === dirname(above)) return false;
  }
}
