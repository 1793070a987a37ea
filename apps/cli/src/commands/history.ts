import { resolve } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { bytes, localTime, print, printJson, printTable } from '../output/print.ts';

interface History {
  path: string;
  versions: { time: string; size: number; checksum: string; backup_id: string | null }[];
  incidents: {
    time: string;
    kind: string;
    outcome: string;
    strategy: string | null;
    duration_ms: number | null;
    correlation_id: string;
  }[];
}

/** `history PATH`: every version of one file, its losses and recoveries. */
export function registerHistory(program: Command): void {
  const command = program
    .command('history')
    .description('Every version of one file, and what happened to it')
    .argument('<path>', 'the file');
  withConnection(command).action(history);
}

async function history(path: string, options: ConnectionOptions): Promise<void> {
  const answer = await connect(options).get<History>('/api/recovery/history', { path: resolve(path) });
  if (options.json) printJson(answer);
  if (answer.versions.length + answer.incidents.length === 0)
    throw new HoldfastError('not_found', `nothing is known of ${answer.path}`);
  if (options.json) return;
  printTable(
    ['version of', 'size', 'checksum', 'backup'],
    answer.versions.map((one) => [
      localTime(one.time),
      bytes(one.size),
      one.checksum.slice(0, 19),
      one.backup_id,
    ]),
  );
  if (answer.incidents.length === 0) return;
  print('');
  printTable(
    ['when', 'what', 'outcome', 'by', 'took', 'correlation'],
    answer.incidents.map((one) => [
      localTime(one.time),
      one.kind,
      one.outcome,
      one.strategy,
      one.duration_ms === null ? null : `${Math.round(one.duration_ms)} ms`,
      one.correlation_id,
    ]),
  );
}
