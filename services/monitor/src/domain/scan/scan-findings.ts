import type { IntegrityScanReport, ScanIssue, ScanIssueKind } from '@holdfast/contracts/http/scan';
import { type FileRow, isBadContent, type Problem, type Verdict } from '../file-inventory/state.ts';
import { viewFile } from '../file-inventory/view.ts';

/** A message of NATS holds 1 MiB: all lists together stay well below. */
const LIST_BYTES_MAX = 200_000;
const ISSUE_BYTES_MAX = 400_000;
const REASONS_MAX = 10;
const OPEN_ISSUES_MAX = 100_000;

type Judged = { readonly path: string } & ({ readonly verdict: Verdict } | { readonly code: string });
type Remark = { readonly code: string } | { readonly problems: readonly Problem[]; readonly bad: boolean };
type Lists = Pick<IntegrityScanReport, 'counts' | 'missing' | 'corrupted' | 'issues' | 'truncated'>;

/** Gathers what a scan comes by, and makes the lists of its report. */
export class ScanFindings {
  readonly #remarks = new Map<string, Remark>();
  /** Lost since the scan began. */
  readonly #found = new Map<string, FileRow>();
  readonly #issues: ScanIssue[] = [];
  readonly #counts: Record<ScanIssueKind, number> = {
    missing: 0,
    corrupted: 0,
    suspect: 0,
    noted: 0,
    unreadable: 0,
  };
  readonly #missing = new PathList();
  readonly #corrupted = new PathList();
  #issue_bytes = 0;
  #truncated = false;

  /** A file was read, or could not be. The last judgement of a file counts. */
  judged(judgement: Judged): void {
    const { path } = judgement;
    this.#remarks.delete(path);
    if (this.#remarks.size >= OPEN_ISSUES_MAX) this.#truncated = true;
    else if ('code' in judgement) this.#remarks.set(path, { code: judgement.code });
    else if (isBadContent(judgement.verdict))
      this.#remarks.set(path, { problems: judgement.verdict.problems ?? [], bad: true });
    else if (judgement.verdict.notes !== undefined)
      this.#remarks.set(path, { problems: judgement.verdict.notes, bad: false });
  }

  /** True where there is something to say of a file that stands. */
  remarks(path: string): boolean {
    return this.#remarks.has(path);
  }

  /** A row changed while the scan goes on: it may have become a loss just now. */
  found(row: FileRow): void {
    if (row.state !== 'missing' && row.state !== 'corrupted') return;
    if (this.#found.size >= OPEN_ISSUES_MAX) this.#truncated = true;
    else this.#found.set(row.path, row);
  }

  /** An open case, whenever it was found. */
  lost(row: FileRow): void {
    if (!this.#found.has(row.path)) this.#lost(row, false);
  }

  #lost(row: FileRow, restored: boolean) {
    if (row.state !== 'missing' && row.state !== 'corrupted') return;
    (row.state === 'missing' ? this.#missing : this.#corrupted).add(row.path);
    const problems = row.state === 'corrupted' ? (row.problems ?? []) : [];
    this.#add(row.state, row, { problems, restored });
  }

  /** The lists, after the last file and the last loss. */
  conclude(rowOf: (path: string) => FileRow | undefined): Lists {
    for (const row of this.#found.values()) {
      const now = rowOf(row.path)?.state;
      this.#lost(row, now !== 'missing' && now !== 'corrupted');
    }
    for (const [path, remark] of this.#remarks) {
      const row = rowOf(path);
      if (row?.state !== 'present' && row?.state !== 'suspect') continue;
      if ('code' in remark) this.#add('unreadable', row, { code: remark.code });
      else this.#add(remark.bad ? 'suspect' : 'noted', row, remark);
    }
    return {
      counts: { ...this.#counts },
      missing: this.#missing.paths,
      corrupted: this.#corrupted.paths,
      issues: this.#issues,
      truncated: this.#truncated || this.#missing.truncated || this.#corrupted.truncated,
    };
  }

  #add(
    kind: ScanIssueKind,
    row: FileRow,
    more: { code?: string; problems?: readonly Problem[]; restored?: boolean },
  ) {
    this.#counts[kind] += 1;
    if (this.#issue_bytes > ISSUE_BYTES_MAX) return;
    const { path, source, size, checksum, correlation_id, lost_at } = viewFile(row);
    const reasons = (more.problems ?? []).slice(0, REASONS_MAX).map((problem) => ({ ...problem }));
    const known = kind === 'suspect' ? { size: null, checksum: null } : { size, checksum };
    const { code = null, restored = false } = more;
    const issue = { path, source, kind, reasons, code, ...known, correlation_id, lost_at, restored };
    this.#issue_bytes += Buffer.byteLength(JSON.stringify(issue));
    if (this.#issue_bytes > ISSUE_BYTES_MAX) this.#truncated = true;
    else this.#issues.push(issue);
  }
}

class PathList {
  readonly paths: string[] = [];
  truncated = false;
  #bytes = 0;

  add(path: string) {
    this.#bytes += Buffer.byteLength(JSON.stringify(path));
    if (this.#bytes > LIST_BYTES_MAX) this.truncated = true;
    else this.paths.push(path);
  }
}
