import { HoldfastError } from '@holdfast/contracts/errors';
import type { ScheduleView } from '@holdfast/contracts/http/backup';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { localTime, print, printJson, printTable } from '../output/print.ts';
import { usageError } from '../output/report-error.ts';

const EXAMPLES = `
Examples:
  schedule set daily --type full --time 02:00
  schedule set weekly --day sunday --time-zone America/Montevideo
  schedule set office --cron '*/30 8-18 * * 1-5' --sources conversations
  schedule set hourly --disable`;

/** `schedule list|set` */
export function registerSchedule(program: Command): void {
  const schedule = program.command('schedule').description('When backups are made');
  withConnection(schedule.command('list').description('The schedules, and when each starts next')).action(
    list,
  );
  withConnection(schedule.command('set').argument('<name>').description('Make or change a schedule'))
    .option('--type <type>', 'full, incremental, differential or snapshot')
    .option('--every <interval>', 'hourly, daily, weekly or monthly (default: its name)')
    .option('--time <time>', 'of day: 02:00')
    .option('--minute <minute>', 'of an hourly one')
    .option('--day <day>', 'sunday, or 1 to 28 or last')
    .option('--cron <expression>', 'instead of --every, --time, --minute and --day')
    .option('--time-zone <zone>', 'America/Montevideo')
    .option('--sources <names>', 'a,b')
    .option('--jitter <duration>', 'start up to so much later: 5m')
    .option('--enable', 'switch it on')
    .option('--disable', 'switch it off')
    .addHelpText('after', EXAMPLES)
    .action(set);
}

async function list(options: ConnectionOptions): Promise<void> {
  const answer = await connect(options).get<{ items: ScheduleView[] }>('/api/backup/schedules');
  if (options.json) return printJson(answer);
  printTable(
    ['name', 'type', 'when', 'zone', 'next', 'last', 'sources'],
    answer.items.map((one) => [
      ...[one.name, one.type, one.enabled ? (one.cron ?? 'when asked for') : 'disabled', one.time_zone],
      ...[one.next_at, one.last_slot_at].map((at) => (at === null ? null : localTime(at))),
      one.sources
        .map((source) => (one.overdue_sources.includes(source) ? `${source} (overdue)` : source))
        .join(','),
    ]),
  );
}

interface SetOptions extends ConnectionOptions {
  type?: string;
  every?: string;
  time?: string;
  minute?: string;
  day?: string;
  cron?: string;
  timeZone?: string;
  sources?: string;
  jitter?: string;
  enable?: boolean;
  disable?: boolean;
}

async function set(name: string, options: SetOptions): Promise<void> {
  if (options.enable && options.disable) throw usageError('--enable or --disable, not both');
  const client = connect(options);
  const { items } = await client.get<{ items: ScheduleView[] }>('/api/backup/schedules');
  const before = items.find((one) => one.name === name)?.config ?? {};
  const changes = changesIn(options);
  if (Object.keys(changes).length === 0) throw usageError('what is to change? see --help');
  const path = `/api/backup/schedules/${encodeURIComponent(name)}`;
  const made = await client.send<ScheduleView>('PUT', path, {
    ...withoutOldClock(before, changes),
    ...changes,
  });
  if (options.json) return printJson(made);
  const when = made.next_at === null ? (made.cron ?? 'when asked for') : `next at ${localTime(made.next_at)}`;
  print(`${made.name}: ${made.type} of ${made.sources.join(', ')}; ${made.enabled ? when : 'disabled'}`);
}

function changesIn(options: SetOptions): Record<string, unknown> {
  const { type, every, time, cron, timeZone: time_zone, jitter } = options;
  const given = {
    ...{ type, every, time, cron, time_zone, jitter },
    minute: options.minute === undefined ? undefined : numberIn('minute', options.minute),
    day: options.day === undefined || !/^\d+$/.test(options.day) ? options.day : Number(options.day),
    sources: options.sources?.split(','),
    enabled: enabledIn(options),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function enabledIn({ enable, disable }: SetOptions): boolean | undefined {
  if (enable) return true;
  return disable ? false : undefined;
}

function numberIn(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new HoldfastError('bad_request', `--${option} ${text}: is no number`);
}

const CLOCK = ['every', 'time', 'minute', 'day'];

/** A cron expression takes the place of the other ways to say when, and they take its. */
function withoutOldClock(before: object, changes: Record<string, unknown>): object {
  const clock = CLOCK.some((key) => key in changes) ? ['cron'] : [];
  const replaced = 'cron' in changes ? CLOCK : clock;
  return Object.fromEntries(Object.entries(before).filter(([key]) => !replaced.includes(key)));
}
