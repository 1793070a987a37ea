import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { EXIT, HoldfastError } from '@holdfast/contracts/errors';
import type {
  BackupRunView,
  CreatedBackups,
  ListedBackup,
  NotSearched,
} from '@holdfast/contracts/http/backup';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { bytes, localTime, print, printJson, printTable, warn } from '../output/print.ts';
import { usageError } from '../output/report-error.ts';

/** Every id works as a positional and as `--backup-id`. */
export function backupIdOf(positional: string | undefined, options: { backupId?: string }): string {
  const id = positional ?? options.backupId;
  if (id === undefined) throw usageError('which backup? give its id (./holdfast list shows them)');
  return id;
}

/** `create`, `cancel`, `list` and `show`. */
export function registerBackups(program: Command): void {
  withConnection(program.command('create').description('Make a backup now'))
    .option('--type <type>', 'full, incremental (default), differential or snapshot')
    .option('--sources <names>', 'a,b (default: all)')
    .option('--reason <reason>', 'request, or before_deployment: a snapshot, as its schedule says', 'request')
    .option('--no-compression', 'store the bytes as they are')
    .option('--encryption', 'said for clarity: nothing is ever stored in clear')
    .option('--wait', 'until it is made')
    .addHelpText('after', '\nIn a deployment pipeline: holdfast create --reason before_deployment --wait')
    .action(create);
  withConnection(
    program
      .command('cancel')
      .argument('[id]')
      .description('Stop a backup that is being made; nothing of it is kept'),
  )
    .option('--backup-id <id>', 'the backup')
    .action(cancel);
  withConnection(program.command('list').description('The backups there are'))
    .option('--filter <filter>', 'last_7_days, last_24_hours …')
    .option('--sort <order>', 'timestamp_desc, timestamp_asc, size_desc or size_asc', 'timestamp_desc')
    .option('--source <name>', 'of one source')
    .option('--type <type>', 'of one type')
    .option('--tier <name>', 'in one storage tier')
    .option('--before <time>', 'made before: 2026-11-24 or 2026-11-24T10:00:00Z')
    .option('--after <time>', 'made then or later')
    .option('--contains-file <path>', 'that hold this file')
    .option('--group <id>', 'that were made together as of one moment: snapshot_20251201_143022')
    .option('--limit <count>', 'at most so many', '50')
    .action(list);
  withConnection(program.command('show').argument('[id]').description('One backup: its manifest'))
    .option('--backup-id <id>', 'the backup')
    .action(show);
}

interface CreateOptions extends ConnectionOptions {
  type?: string;
  reason: string;
  sources?: string;
  compression: boolean;
  encryption?: boolean;
  wait?: boolean;
}

async function create(options: CreateOptions): Promise<void> {
  const body = {
    ...(options.type === undefined ? {} : { type: options.type }),
    reason: options.reason,
    ...(options.sources === undefined ? {} : { sources: options.sources.split(',') }),
    compression: options.compression,
    ...(options.encryption === undefined ? {} : { encryption: options.encryption }),
    wait: options.wait ?? false,
  };
  const answer = await connect(options).send<CreateAnswer>('POST', '/api/backup', body);
  const failed = answer.failed ?? [];
  if (failed.length > 0) process.exitCode = EXIT.partial;
  for (const { source, message } of failed) warn(`not made: ${source}: ${message}`);
  if (options.json) return printJson(answer);
  for (const one of answer.items) print(one.backup_id);
  const [first] = answer.items;
  const group = first?.moment?.group_id ?? first?.group_id;
  if (typeof group === 'string' && answer.items.length > 1)
    print(`${group} (all of them together: restore, show and list --group take it)`);
}

interface CreateAnswer extends Pick<CreatedBackups, 'failed'> {
  items: (Pick<BackupManifest, 'backup_id' | 'moment'> & Partial<Pick<BackupRunView, 'group_id'>>)[];
}

async function cancel(
  positional: string | undefined,
  options: ConnectionOptions & { backupId?: string },
): Promise<void> {
  const id = backupIdOf(positional, options);
  const answer = await connect(options).send('POST', `/api/backup/${encodeURIComponent(id)}/cancel`);
  if (options.json) printJson(answer);
  else print(`${id} is cancelled`);
}

interface ListOptions extends ConnectionOptions {
  filter?: string;
  sort: string;
  source?: string;
  type?: string;
  tier?: string;
  before?: string;
  after?: string;
  containsFile?: string;
  group?: string;
  limit: string;
}

async function list(options: ListOptions): Promise<void> {
  const { filter, sort, source, type, tier, before, after, containsFile, group, limit } = options;
  const query = {
    filter,
    sort,
    source,
    type,
    tier,
    before,
    after,
    contains_file: containsFile,
    group,
    limit,
  };
  const answer = await connect(options).get<{ items: ListedBackup[]; not_searched?: NotSearched }>(
    '/api/backup',
    query,
  );
  for (const { backup_id, reason } of answer.not_searched ?? []) {
    warn(`not searched: ${backup_id}: ${reason}`);
    process.exitCode = EXIT.partial;
  }
  if (options.json) return printJson(answer);
  const together = answer.items.some(({ moment }) => moment !== undefined);
  printTable(
    [
      'backup',
      'time',
      'source',
      'tier',
      'files',
      'size',
      'stored',
      'verified',
      'held',
      ...(together ? ['together'] : []),
    ],
    answer.items.map((one) => [
      one.backup_id,
      localTime(one.timestamp),
      one.sources.map((source) => source.source).join(','),
      one.retention.tier,
      one.sources.reduce((sum, source) => sum + source.files_backed_up, 0),
      bytes(one.sources.reduce((sum, source) => sum + source.total_size_bytes, 0)),
      bytes(one.bytes_stored),
      one.validation.integrity_check,
      one.hold?.reason,
      ...(together ? [groupOf(one)] : []),
    ]),
  );
}

function groupOf({ moment }: ListedBackup): string | undefined {
  return moment && `${moment.group_id}${moment.settled ? '' : ' (not settled)'}`;
}

async function show(
  positional: string | undefined,
  options: ConnectionOptions & { backupId?: string },
): Promise<void> {
  const id = backupIdOf(positional, options);
  if (id.startsWith('snapshot_')) return showGroup(id, options);
  const manifest = await connect(options).get<BackupManifest>(`/api/backup/${encodeURIComponent(id)}`);
  if (manifest.backup_id === undefined) throw new HoldfastError('not_found', `no backup ${id}`);
  printJson(manifest);
}

async function showGroup(group_id: string, options: ConnectionOptions): Promise<void> {
  const query = { group: group_id, limit: '1000' };
  const { items } = await connect(options).get<{ items: ListedBackup[] }>('/api/backup', query);
  if (items.length === 0) throw new HoldfastError('not_found', `no snapshot ${group_id}`);
  printJson({ group_id, items });
}
