import type { Finding } from '../../domain/content/finding.ts';
import { JsonWalk } from './json-walk.ts';

/** The line of each finding's place in a document; for a place that is not there, the line of what it is missing in. */
export function locateFindings(pieces: Iterable<Uint8Array>, findings: readonly Finding[]): number[] {
  const wanted = new Set(findings.flatMap(({ path }) => path.map((_, end) => keyOf(path.slice(0, end + 1)))));
  const depth_max = Math.max(0, ...findings.map(({ path }) => path.length));
  const lines = new Map<string, number>();
  const walk = new JsonWalk(({ kind, depth }, place) => {
    if (kind === 'close' || depth > depth_max) return;
    const key = keyOf(place.path());
    if (depth === 0 || wanted.has(key)) lines.set(key, place.line());
  });
  for (const piece of pieces) if (!walk.write(piece)) break;
  return findings.map(({ path }) => {
    for (let end = path.length; end >= 0; end -= 1) {
      const line = lines.get(keyOf(path.slice(0, end)));
      if (line !== undefined) return line;
    }
    return 1;
  });
}

function keyOf(path: Finding['path']): string {
  return JSON.stringify(path);
}
