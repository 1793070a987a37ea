import type { IntegrityScanReport, ScanIssue } from '@holdfast/contracts/http/scan';
import { printable } from '@holdfast/runtime/printable';
import { bytes, count } from './print.ts';
import { summaryOf, wordsOf } from './scan-issue.ts';

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1d2433}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d9dee8}
td.path{font-family:ui-monospace,monospace;overflow-wrap:anywhere}.missing,.corrupted{color:#a11}.suspect,.unreadable{color:#8a5a00}
@media (prefers-color-scheme:dark){body{background:#12161f;color:#e3e7ef}th,td{border-color:#333b4a}.missing,.corrupted{color:#ff8080}.suspect,.unreadable{color:#f0b860}}`;

/** The report as a page that needs nothing else: to be kept, sent or printed. */
export function scanPage(report: IntegrityScanReport): string {
  const { host, path, started_at, duration_ms, checked, bytes_checked, ok, issues, truncated } = report;
  const facts: [string, string][] = [
    ['Host', host],
    ['Scope', path ?? 'everything protected'],
    ['Began', started_at],
    ['Took', `${(duration_ms / 1000).toFixed(1)} s`],
    ['Checked', `${count(checked, 'file')}, ${bytes(bytes_checked)}; ${ok} as they should be`],
    ['Found', summaryOf(report)],
    ...report.unmet.map(({ source, pattern, reasons }): [string, string] => [
      'Expected',
      `${pattern} of ${source}: ${reasons.map(({ detail }) => detail).join('; ')}`,
    ]),
  ];
  const rows = issues.map(rowOf).join('\n');
  const table = `<table><thead><tr><th>State</th><th>Path</th><th>Source</th><th>Why</th></tr></thead><tbody>\n${rows}\n</tbody></table>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Integrity scan of ${escapeHtml(host)}</title>
<style>${STYLE}</style></head><body>
<h1>Integrity scan</h1>
<table>${facts.map(([name, value]) => `<tr><th scope="row">${name}</th><td>${escapeHtml(value)}</td></tr>`).join('\n')}</table>
<h2>Findings</h2>
${issues.length === 0 ? '<p>Everything is as it should be.</p>' : table}
${truncated ? '<p>There are more findings than this report holds; GET /api/monitor/files lists them all.</p>' : ''}
</body></html>
`;
}

function rowOf(issue: ScanIssue): string {
  const why = wordsOf(issue).map(escapeHtml).join('<br>');
  return `<tr><td class="${issue.kind}">${issue.kind}</td><td class="path">${escapeHtml(issue.path)}</td><td>${escapeHtml(issue.source)}</td><td>${why}</td></tr>`;
}

function escapeHtml(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
