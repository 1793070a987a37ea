import type { RestoreDatabaseResult } from '@holdfast/contracts/http/backup';
import { type ConnectionOptions, connect } from '../client.ts';
import { count, print, printJson } from '../output/print.ts';
import { usageError } from '../output/report-error.ts';

/** What `restore` takes for a database. */
export interface DatabaseOptions extends ConnectionOptions {
  at?: string;
  targetDatabase?: string;
  collections?: string[];
  query?: string;
  overwrite?: boolean;
}

/** True where any option is one of a database. */
export function meansDatabase(options: DatabaseOptions): boolean {
  const { at, targetDatabase, collections, query, overwrite } = options;
  return [at, targetDatabase, collections, query, overwrite].some((option) => option !== undefined);
}

/** `restore` of a database: to a moment, whole or in part. */
export async function restoreDatabase(backup_id: string, options: DatabaseOptions): Promise<void> {
  const body = {
    backup_id,
    ...(options.at !== undefined && { at: options.at }),
    ...(options.targetDatabase !== undefined && { target_database: options.targetDatabase }),
    ...(options.collections !== undefined && { collections: options.collections }),
    ...(options.query !== undefined && { query: queryOf(options.query) }),
    overwrite: options.overwrite ?? false,
  };
  const path = '/api/backup/restore-database';
  const answer = await connect(options).send<RestoreDatabaseResult>('POST', path, body);
  if (options.json) {
    printJson(answer);
    return;
  }
  for (const { name, documents } of answer.collections) print(`${name}: ${count(documents, 'document')}`);
  print(`restored into ${answer.database} as of ${answer.at}`);
}

function queryOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usageError(`--query is no JSON: ${text}`);
  }
}
