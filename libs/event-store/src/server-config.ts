import { join } from 'node:path';
import type { Accounts } from './accounts.ts';

/** By this name a client knows a server that we configured ourselves: one that syncs before it acknowledges. */
export const EMBEDDED_NAME = 'holdfast-embedded';
/** A first registration holds up to 1,000 paths. */
const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;

/** A user says who it is in one line, with all that it may do; the default of 4 KiB is nearly full. */
const CONTROL_LINE_BYTES_MAX = 32 * 1024;

/** The configuration of the embedded server: loopback only, JetStream on disk, synced at every message. */
export function serverConfig(folder: string, port: number, accounts: Accounts): string {
  const preload = [...accounts.preload].map(([account, jwt]) => `  ${account}: ${jwt}`);
  return [
    `server_name: ${EMBEDDED_NAME}`,
    `listen: "127.0.0.1:${port}"`,
    `max_payload: ${PAYLOAD_BYTES_MAX}`,
    `max_control_line: ${CONTROL_LINE_BYTES_MAX}`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(join(folder, 'jetstream'))}`,
    '  sync_interval: always',
    // By default the server takes three quarters of what is free when it starts: on a full disk, nothing.
    '  max_file_store: 1TB',
    '}',
    `log_file: ${JSON.stringify(join(folder, 'server.log'))}`,
    'logfile_size_limit: 10MB',
    'logfile_max_num: 3',
    `operator: ${accounts.operator_jwt}`,
    `system_account: ${accounts.system_account}`,
    'resolver: MEMORY',
    'resolver_preload: {',
    ...preload,
    '}',
    '',
  ].join('\n');
}
