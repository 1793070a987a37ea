import { styleText } from 'node:util';
import { printable } from '@holdfast/runtime/printable';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { localTime, printAsIs, printJson } from '../output/print.ts';

interface AuditOptions extends ConnectionOptions {
  type?: string;
  subject?: string;
  source?: string;
  actor?: string;
  since?: string;
  until?: string;
  q?: string;
  correlation?: string;
  limit: string;
  cursor?: string;
}

interface AuditItem {
  auditindex: number;
  id: string;
  type: string;
  time: string;
  source: string;
  subject: string;
  correlationid: string;
}

/** `audit query|export`: what happened, from the append-only log. */
export function registerAudit(program: Command): void {
  const audit = program.command('audit').description('Ask the append-only log what happened');
  filters(
    audit
      .command('query')
      .description(
        'Events by type, subject, time or correlation id, newest first; a story from its beginning',
      ),
  )
    .option('--limit <count>', 'at most so many', '100')
    .option('--cursor <cursor>', 'go on where the last page ended')
    .action(query);
  filters(audit.command('export').description('All matching events, one JSON a line (or CSV)'))
    .option('--format <format>', 'ndjson or csv', 'ndjson')
    .action(exportEvents);
}

function filters(command: Command): Command {
  return withConnection(command)
    .option('--type <name>', 'FileDeleted, FileRecovered, BackupCreated …')
    .option('--subject <path>', 'the path or id; a * at the end matches all that begin so')
    .option('--source <source>', 'holdfast/<host>/<service>')
    .option('--actor <name>', 'who did it')
    .option('--since <time>', 'RFC 3339')
    .option('--until <time>', 'RFC 3339')
    .option('--q <text>', 'text in the event')
    .option('--correlation <id>', 'the story of one loss');
}

function queryOf(options: AuditOptions): Record<string, string | undefined> {
  const { type, subject, source, actor, since, until, q, correlation, cursor } = options;
  return { type, subject, source, actor, since, until, q, correlation_id: correlation, cursor };
}

async function query(options: AuditOptions): Promise<void> {
  // A story is read from its beginning, everything else from what happened last.
  const order = options.correlation === undefined ? 'desc' : 'asc';
  const page = { ...queryOf(options), order, limit: options.limit };
  const answer = await connect(options).get<{ items: AuditItem[]; next_cursor: string | null }>(
    '/api/audit/events',
    page,
  );
  if (options.json) return printJson(answer);
  for (const item of answer.items) printAsIs(storyLine(item));
  if (answer.next_cursor !== null) printAsIs(styleText('dim', `more: --cursor ${answer.next_cursor}`));
}

function storyLine(item: AuditItem): string {
  const service = item.source.split('/').at(-1) ?? '';
  return [
    styleText('dim', String(item.auditindex).padStart(6)),
    localTime(item.time),
    service.padEnd(8),
    item.type.padEnd(22),
    printable(item.subject),
    styleText('dim', item.correlationid),
  ].join('  ');
}

async function exportEvents(options: AuditOptions & { format: string }): Promise<void> {
  const given = Object.entries({ ...queryOf(options), format: options.format });
  const search = new URLSearchParams(
    given.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const reply = await connect(options).open(`/api/audit/export?${search}`);
  if (reply.body !== null) for await (const piece of reply.body) process.stdout.write(piece);
}
