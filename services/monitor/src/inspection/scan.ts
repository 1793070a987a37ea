import type { ScanReply } from '@holdfast/contracts/http/monitor';
import type { FileRegistry } from '../adapters/registry.ts';
import { stands } from '../domain/file-inventory/state.ts';
import type { Inspector } from './inspector.ts';
import type { Reconciler } from './reconciler.ts';

interface ScanParts {
  readonly registry: FileRegistry;
  readonly inspector: Inspector;
  readonly reconciler: Reconciler;
}

const PAGE = 500;
const LISTED_MAX = 10_000;

/**
 * Compares every name, then reads every file that is known (all of them, or those at and below a path) and compares its
 * bytes. What it finds is told as events as well. Resolves when all is decided; lists the first 10,000 of a kind.
 */
export async function scan(
  { registry, inspector, reconciler }: ScanParts,
  prefix?: string,
): Promise<ScanReply> {
  await reconciler.walk('stat');
  let checked = 0;
  let after = '';
  for (;;) {
    const page = registry.list({ prefix }, after, PAGE);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.path;
    const files = page.filter(stands).map(({ path }) => path);
    for (const path of files) inspector.verify(path);
    checked += files.length;
    await inspector.caughtUp();
  }
  await inspector.caughtUp();
  const lost = (state: 'missing' | 'corrupted') =>
    registry.list({ prefix, state }, '', LISTED_MAX).map(({ path }) => path);
  return { checked, missing: lost('missing'), corrupted: lost('corrupted') };
}
