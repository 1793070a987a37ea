import type { RestoreDatabaseResult } from '@holdfast/contracts/http/backup';
import type { ConnectionOptions } from '../client.ts';
import { count, print, printJson } from '../output/print.ts';
import { usageError } from '../output/report-error.ts';
import { sendLong } from '../send-long.ts';

/** What `restore` takes for a database. */
export interface DatabaseOptions extends ConnectionOptions {
  backupId?: string;
  files?: string[];
  dryRun?: boolean;
  source?: string;
  at?: string;
  targetDatabase?: string;
  collections?: string[];
  query?: string;
  overwrite?: boolean;
}

/** True where any option is one of a database. */
export function meansDatabase(options: DatabaseOptions): boolean {
  const { source, at, targetDatabase, collections, query, overwrite } = options;
  return [source, at, targetDatabase, collections, query, overwrite].some((option) => option !== undefined);
}

/** `restore` of a database: to a moment, whole or in part. */
export async function restoreDatabase(
  positional: string | undefined,
  options: DatabaseOptions,
): Promise<void> {
  if (options.files !== undefined)
    throw usageError('--files is of files, the other options are of a database');
  const body = {
    ...chosen(positional ?? options.backupId, options.source),
    ...(options.at !== undefined && { at: options.at }),
    ...(options.targetDatabase !== undefined && { target_database: options.targetDatabase }),
    ...(options.collections !== undefined && { collections: options.collections }),
    ...(options.query !== undefined && { query: queryOf(options.query) }),
    overwrite: options.overwrite ?? false,
    dry_run: options.dryRun ?? false,
  };
  const path = '/api/backup/restore-database';
  const answer = await sendLong<RestoreDatabaseResult>(options, path, body);
  if (options.json) {
    printJson(answer);
    return;
  }
  for (const { name, documents } of answer.collections) print(`${name}: ${count(documents, 'document')}`);
  const done = answer.dry_run ? 'would be restored' : 'restored';
  print(`${done} into ${answer.database} as of ${answer.at}, from ${answer.backup_id}`);
}

function chosen(backup_id: string | undefined, source: string | undefined) {
  if (backup_id !== undefined && source !== undefined)
    throw usageError('give a backup or --source, not both');
  if (source !== undefined) return { source };
  if (backup_id === undefined) throw usageError('which backup? give its id, or --source NAME and a time');
  return { backup_id };
}

function queryOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usageError(`--query is no JSON: ${text}`);
  }
}
