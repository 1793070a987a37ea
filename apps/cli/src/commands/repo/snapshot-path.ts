/** What `ID`, `latest`, `ID:/path` or `/path` (of the newest snapshot) names. */
export function splitSnapshotPath(given: string): { id: string; path?: string } {
  if (given.startsWith('/')) return { id: 'latest', path: given };
  const [, id = given, path] = /^([^:]+):(.*)$/s.exec(given) ?? [];
  return path === undefined || path === '' ? { id } : { id, path };
}
