import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '@holdfast/runtime/config';
import { runUntilSignal } from '@holdfast/runtime/lifecycle';
import { startRecovery } from './service.ts';

const PORT = 8423;

/** The process door: `node services/recovery/src/main.ts --config holdfast.yaml`. */
const { values } = parseArgs({ options: { config: { type: 'string' } } });
const config = await loadConfig({ file: values.config, env: process.env });
const { url = 'nats://127.0.0.1:4222', credentials_file } = config.nats;

await runUntilSignal(() =>
  startRecovery({
    config,
    data_dir: resolve(config.data_dir),
    nats: { url, ...(credentials_file !== undefined && { credentials_file }) },
    http: { host: config.http.host, port: PORT },
    version: process.env['npm_package_version'] ?? '0.1.0',
  }),
);
