import { type IntegrityScanReport, type ScanIssue, ScanIssueKind } from '@holdfast/contracts/http/scan';

/** `1 missing, 2 corrupted`: the two are always named, the others where there are some. */
export function summaryOf({ counts }: Pick<IntegrityScanReport, 'counts'>): string {
  const always: readonly ScanIssueKind[] = ['missing', 'corrupted'];
  return ScanIssueKind.options
    .filter((kind) => always.includes(kind) || counts[kind] > 0)
    .map((kind) => `${counts[kind]} ${kind}`)
    .join(', ');
}

/** Why a file is listed, one line a reason. */
export function wordsOf(issue: ScanIssue): string[] {
  const words = reasonsOf(issue);
  return issue.restored ? [...words, 'it is back by now'] : words;
}

function reasonsOf({ kind, reasons, code, lost_at }: ScanIssue): string[] {
  if (kind === 'missing') return [`since ${lost_at ?? 'an unknown time'}`];
  if (code !== null) return [code === 'EBUSY' ? 'in use: it could not be judged' : `cannot be read: ${code}`];
  return reasons.map(({ reason, detail, json_path, line }) => {
    const place = json_path === undefined ? '' : ` at ${json_path} (line ${line})`;
    return `${reason}: ${detail}${place}`;
  });
}
