import { EXIT } from '@holdfast/contracts/errors';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { localTime, print, printJson, printTable } from '../output/print.ts';

interface Alert {
  alert_id: string;
  severity: string;
  status: string;
  summary: string;
  started_at: string;
}

/** `alerts list|ack|silence|test` */
export function registerAlerts(program: Command): void {
  const alerts = program.command('alerts').description('What people were told');
  withConnection(alerts.command('list').description('The alerts, newest first')).action(list);
  withConnection(alerts.command('ack').argument('<id>').description('Say that somebody is at it')).action(
    ack,
  );
  withConnection(alerts.command('silence').description('Send nothing for a while'))
    .requiredOption('--for <duration>', '30m, 2h')
    .option('--rule <name>', 'only of this rule')
    .option('--reason <text>', 'why', '')
    .action(silence);
  withConnection(alerts.command('test').argument('[channel]').description('Send a test message')).action(
    test,
  );
}

async function list(options: ConnectionOptions): Promise<void> {
  const answer = await connect(options).get<{ items: Alert[] }>('/api/alerts');
  if (options.json) return printJson(answer);
  printTable(
    ['id', 'since', 'severity', 'status', 'summary'],
    answer.items.map((one) => [
      one.alert_id,
      localTime(one.started_at),
      one.severity,
      one.status,
      one.summary,
    ]),
  );
}

async function ack(id: string, options: ConnectionOptions): Promise<void> {
  const answer = await connect(options).send<Alert>('POST', `/api/alerts/${encodeURIComponent(id)}/ack`);
  if (options.json) return printJson(answer);
  print(`acknowledged ${id}`);
}

async function silence(
  options: ConnectionOptions & { for: string; rule?: string; reason: string },
): Promise<void> {
  const body = {
    duration: options.for,
    reason: options.reason,
    ...(options.rule === undefined ? {} : { rule: options.rule }),
  };
  const made = await connect(options).send<{ silence_id: string; until: string }>(
    'POST',
    '/api/alerts/silences',
    body,
  );
  if (options.json) return printJson(made);
  print(`${made.silence_id}: silent until ${made.until}`);
}

async function test(channel: string | undefined, options: ConnectionOptions): Promise<void> {
  const body = channel === undefined ? {} : { channel };
  const answer = await connect(options).send<{ items: TestedChannel[] }>('POST', '/api/alerts/test', body);
  if (options.json) printJson(answer);
  else
    for (const { channel: name, outcome, reason } of answer.items)
      print(`${name}: ${outcome}${reason === null ? '' : ` (${reason})`}`);
  const failed = answer.items.filter(({ outcome }) => outcome === 'failed').length;
  if (failed > 0) process.exitCode = failed === answer.items.length ? EXIT.failed : EXIT.partial;
}

interface TestedChannel {
  channel: string;
  outcome: 'delivered' | 'unknown' | 'failed';
  reason: string | null;
}
