import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { IntegrityScanReport, ScanIssue, ScanProgress } from '@holdfast/contracts/http/scan';
import type { Command } from 'commander';
import { type Client, type ConnectionOptions, connect, withConnection } from '../client.ts';
import { bytes, count, print, printJson, printTable } from '../output/print.ts';
import { startProgressBar } from '../output/progress-bar.ts';
import { summaryOf, wordsOf } from '../output/scan-issue.ts';
import { scanPage } from '../output/scan-page.ts';

interface ScanOptions extends ConnectionOptions {
  path?: string;
  html?: string;
}

const ASK_AGAIN_MS = 100;
const ASK_AGAIN_MAX_MS = 1_000;
/** People see so many lines; `--json` and `--html` have what the report holds. */
const SHOWN = 200;

/** `scan` */
export function registerScan(program: Command): void {
  withConnection(
    program.command('scan').argument('[path]').description('Compare what is there with what should be'),
  )
    .option('--path <dir>', 'only this file, or what lies below this folder')
    .option('--html <file>', 'write the report as a page too')
    .addHelpText(
      'after',
      `
Every protected file is read again and its bytes compared with what was registered. What is lost is told and recovered as
if it had just happened; what is bad without a good version that is known (suspect) is only listed.

  holdfast scan                          everything
  holdfast scan /srv/bmc --html scan.html`,
    )
    .action(scan);
}

async function scan(positional: string | undefined, options: ScanOptions): Promise<void> {
  const path = positional ?? options.path;
  const body = { wait: false, ...(path !== undefined && { path: resolve(path) }) };
  const client = connect(options);
  const begun = await client.send<ScanProgress>('POST', '/api/recovery/scan', body);
  const report = await follow(client, begun, options);
  const nothing = report.checked === 0 && report.missing.length + report.corrupted.length === 0;
  if (nothing && body.path !== undefined)
    throw new HoldfastError('not_found', `nothing is protected at ${body.path}`);
  if (options.html !== undefined) writeFileSync(resolve(options.html), scanPage(report));
  if (options.json) printJson(report);
  else show(report, options);
}

async function follow(
  client: Client,
  begun: ScanProgress,
  options: ScanOptions,
): Promise<IntegrityScanReport> {
  using bar = startProgressBar({ quiet: options.json === true });
  let progress = begun;
  let wait_ms = ASK_AGAIN_MS;
  while (progress.state === 'running') {
    const { files_done, bytes_done, bytes_total } = progress;
    bar.update({ files_done, bytes_done, bytes_total: progress.files_total === 0 ? null : bytes_total });
    await pause(wait_ms);
    wait_ms = Math.min(ASK_AGAIN_MAX_MS, wait_ms * 1.5);
    progress = await client.get<ScanProgress>(`/api/recovery/scans/${begun.scan_id}`);
  }
  if (progress.report === null) throw new HoldfastError('internal', 'the scan ended without a report');
  return progress.report;
}

function show(report: IntegrityScanReport, { html }: ScanOptions) {
  const seconds = (report.duration_ms / 1000).toFixed(1);
  print(
    `${count(report.checked, 'file')} checked (${bytes(report.bytes_checked)} in ${seconds} s), ${summaryOf(report)}`,
  );
  const shown = report.issues.slice(0, SHOWN);
  if (shown.length > 0) printTable(['state', 'path', 'why'], shown.flatMap(rowsOf));
  const more = Object.values(report.counts).reduce((sum, number) => sum + number, 0) - shown.length;
  if (more > 0) print(`and ${more} more: --json, --html or GET /api/monitor/files list them`);
  for (const { source, pattern, reasons } of report.unmet)
    print(`${source}: ${pattern} is not as expected: ${reasons.map(({ detail }) => detail).join('; ')}`);
  if (html !== undefined) print(`report: ${resolve(html)}`);
}

function rowsOf(issue: ScanIssue): string[][] {
  const [first = '', ...others] = wordsOf(issue);
  return [[issue.kind, issue.path, first], ...others.map((words) => ['', '', words])];
}
