import type { BackupStorage, MoveResult, TierStorage } from '@holdfast/contracts/http/backup';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { bytes, type Cell, count, localTime, print, printJson, printTable } from '../output/print.ts';

/** `tiers`: where backups are kept; `tiers move`: brings them to where they belong. */
export function registerTiers(program: Command): void {
  const tiers = withConnection(
    program.command('tiers').description('Where backups are kept, and what is left'),
  );
  tiers.action(show);
  withConnection(tiers.command('move').description('Move backups to the tiers where they belong'))
    .option('--dry-run', 'only say where each belongs, and why')
    .addHelpText(
      'after',
      '\nA move is a copy that is read back whole, and only then the removal of the first. The newest good backup of\n' +
        'each source stays in hot. It is done hourly by itself.',
    )
    .action((_options: object, command: Command) => move(command.optsWithGlobals()));
}

async function show(options: ConnectionOptions): Promise<void> {
  const storage = await connect(options).get<BackupStorage>('/api/backup/storage');
  if (options.json) return printJson({ items: storage.tiers });
  printTable(
    ['tier', 'status', 'backups', 'stored', 'free', 'used', 'takes', 'for', 'location'],
    storage.tiers.map((tier) => [
      ...[tier.tier, statusOf(tier), tier.backups],
      tier.bytes_stored === null ? null : bytes(tier.bytes_stored),
      tier.free_bytes === null ? null : bytes(tier.free_bytes),
      tier.used_percent === null ? null : `${tier.used_percent} %`,
      tier.backup_types?.join(', ') ?? 'all',
      tier.retention_days === null ? 'ever' : count(tier.retention_days, 'day'),
      tier.location,
    ]),
  );
  for (const { tier, detail } of storage.tiers) if (detail !== null) print(`${tier}: ${detail}`);
}

function statusOf({ status, level }: TierStorage): Cell {
  if (status === 'unavailable') return { text: status, colour: 'red' };
  if (status !== 'ok' || level === 'normal') return status;
  return { text: `${level} usage`, colour: level === 'critical' ? 'red' : 'yellow' };
}

async function move(options: ConnectionOptions & { dryRun?: boolean }): Promise<void> {
  const dry_run = options.dryRun ?? false;
  const answer = await connect(options).send<MoveResult>('POST', '/api/backup/move', { dry_run });
  if (options.json) return printJson(answer);
  const shown = dry_run ? answer.items : answer.items.filter(({ action }) => action !== 'stay');
  if (shown.length > 0) {
    printTable(
      ['backup', 'time', 'source', 'in', 'belongs in', dry_run ? 'would' : 'begun as', 'because'],
      shown.map(({ backup_id, timestamp, source, tiers, tier, action, reasons }) => [
        ...[backup_id, localTime(timestamp), source, tiers.join(', '), tier, action],
        reasons.map((reason) => reason.replaceAll('_', ' ')).join(', '),
      ]),
    );
  }
  if (dry_run) {
    const moving = answer.items.filter(({ action }) => action !== 'stay').length;
    print(`${count(moving, 'backup')} would be moved`);
    return;
  }
  print(`${count(answer.copied, 'backup')} copied, ${answer.dropped} dropped where they were`);
  const { waiting } = answer;
  if (waiting > 0)
    print(
      `${count(waiting, 'backup')} ${waiting === 1 ? 'waits' : 'wait'}: \`holdfast tiers\` says for what`,
    );
}
