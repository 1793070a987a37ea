import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openBlobStore } from '@holdfast/storage/open-blob-store';
import type { Repository } from '../../src/api.ts';
import { openRepository } from '../../src/open.ts';
import { SECRET } from '../support.ts';

export const SOURCES = ['a', 'b'];

/** What a verb works with. */
export interface Bench {
  readonly folder: string;
  readonly main: Repository;
  /** Holds what `copy` brought there; names chunks like `main`. */
  readonly copy: Repository;
  /** Which run of the campaign this is: snapshots carry it. */
  readonly run: number;
  /** 0 to below 1. */
  readonly draw: () => number;
  /** Tells the parent, before it is done, what is about to be forgotten. */
  readonly tell: (what: { forgets: string[] } | { snapshot: string }) => void;
}

/** All that can be killed: a further verb is a further line here. */
export const VERBS = {
  async backup({ main, folder, run, draw, tell }) {
    const source = pick(SOURCES, draw);
    const request = { host: source, source, roots: [join(folder, source)], full: draw() < 0.2 };
    const { snapshot } = await main.backup({ ...request, metadata: () => ({ run, source }) });
    tell({ snapshot: snapshot.id });
  },
  async forget({ main, draw, tell }) {
    const standing = await main.snapshots();
    const forgets = standing.filter(() => draw() < (standing.length > 8 ? 0.6 : 0.2)).map(({ id }) => id);
    tell({ forgets });
    await main.forget(forgets);
  },
  async prune({ main, draw }) {
    await main.prune({ revoke_after_ms: 0, limits: limitsBy(draw) });
  },
  async copy({ main, copy }) {
    await copy.copy_from(main);
  },
  async repair({ main, copy }) {
    await main.repair({ from: copy });
  },
  async 'tidy the copy'({ main, copy, draw }) {
    const wanted = new Set((await main.snapshots()).map(({ id }) => id));
    const stale = (await copy.snapshots()).filter(({ metadata }) => {
      return !wanted.has((metadata['copied_from'] as { snapshot_id: string }).snapshot_id);
    });
    await copy.forget(stale.map(({ id }) => id));
    await copy.prune({ revoke_after_ms: 0, limits: limitsBy(draw) });
  },
  async 'backup and prune'(bench) {
    await Promise.all([VERBS.backup(bench), VERBS.prune(bench)]);
  },
} satisfies Record<string, (bench: Bench) => Promise<void>>;

export type Verb = keyof typeof VERBS;
export const VERB_NAMES = Object.keys(VERBS) as Verb[];

/** Opens one of the two repositories below a folder. */
export function openIn(folder: string, name: 'main' | 'copy'): Promise<Repository> {
  return openRepository(openBlobStore(join(folder, name)), SECRET, {
    cache_dir: join(folder, `${name}.cache`),
  });
}

/** Its local cache may be lost at any time. */
export function loseCache(folder: string, name: 'main' | 'copy'): void {
  rmSync(join(folder, `${name}.cache`), { recursive: true, force: true });
}

export function pick<Item>(items: readonly Item[], draw: () => number): Item {
  return items[Math.floor(draw() * items.length)] as Item;
}

/** Now and then so strict that nearly everything is written anew. */
function limitsBy(draw: () => number) {
  return draw() < 0.5 ? {} : { waste_max: 0, spread_max: 1 };
}
