const GLOB = /[*?[\]{}()!+@\\]/;

/**
 * The stored paths that patterns of `createPathFilter` can match at or below: what stands in each before its first
 * glob. Undefined where one of them can match anywhere.
 */
export function literalPaths(patterns: readonly string[] | undefined): string[] | undefined {
  if (patterns === undefined || patterns.length === 0) return undefined;
  const paths: string[] = [];
  for (const pattern of patterns) {
    if (!pattern.startsWith('/')) return undefined;
    const parts = pattern.split('/').slice(1);
    const first = parts.findIndex((part) => GLOB.test(part));
    const literal = (first < 0 ? parts : parts.slice(0, first)).filter((part) => part !== '');
    paths.push(`/${literal.join('/')}`);
  }
  return paths;
}
