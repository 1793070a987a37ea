import { resolve } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import { StrategyName } from '@holdfast/contracts/recovery-events';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { print, printJson } from '../output/print.ts';
import { usageError } from '../output/report-error.ts';

interface RecoveryResult {
  recovery_id: string;
  path: string;
  outcome: string;
  strategy: string | null;
  duration_ms: number;
  reason: string | null;
}

const ALIASES: Record<string, string> = {
  backup: 'latest_backup',
  mongodb: 'mongodb_export',
  git: 'git_history',
  logs: 'reconstruct_from_logs',
};

/** `recover` */
export function registerRecover(program: Command): void {
  withConnection(program.command('recover').argument('[path]').description('Bring one file back'))
    .option('--file <path>', 'the file')
    .option('--strategy <name>', 'auto, latest_backup (backup), git_history (git), …', 'auto')
    .option('--at <time>', 'as it was then (RFC 3339)')
    .action(recover);
}

async function recover(
  positional: string | undefined,
  options: ConnectionOptions & { file?: string; strategy: string; at?: string },
): Promise<void> {
  const file = positional ?? options.file;
  if (file === undefined) throw usageError('which file? give --file PATH');
  const strategy = ALIASES[options.strategy] ?? options.strategy;
  if (strategy !== 'auto' && !StrategyName.safeParse(strategy).success)
    throw usageError(`no strategy ${strategy}; there are auto, ${StrategyName.options.join(', ')}`);
  const body = {
    file_path: resolve(file),
    strategy,
    ...(options.at === undefined ? {} : { target_timestamp: options.at }),
  };
  const result = await connect(options).send<RecoveryResult>('POST', '/api/recovery/recover', body);
  if (options.json) printJson(result);
  else print(`${result.path}: ${wording(result)}`);
  if (result.outcome === 'recovered' || result.outcome === 'superseded') return;
  throw new HoldfastError('no_good_version', `${result.path}: ${result.reason ?? result.outcome}`);
}

function wording({ outcome, strategy, reason }: RecoveryResult): string {
  if (outcome === 'superseded') return `nothing to do${reason === null ? '' : `: ${reason}`}`;
  return strategy === null ? outcome : `${outcome} by ${strategy}`;
}
