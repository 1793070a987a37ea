/** True where a NATS subject fits a filter: `*` is one token, a last `>` is one or more. */
export function subjectMatches(filter: string, subject: string): boolean {
  const wanted = filter.split('.');
  const tokens = subject.split('.');
  for (const [index, want] of wanted.entries()) {
    const token = tokens[index];
    if (token === undefined) return false;
    if (want === '>') return true;
    if (want !== '*' && want !== token) return false;
  }
  return wanted.length === tokens.length;
}

/** True where no filter is given or one of them fits. */
export function matchesAny(filters: readonly string[] | undefined, subject: string): boolean {
  return filters === undefined || filters.length === 0 || filters.some((f) => subjectMatches(f, subject));
}
