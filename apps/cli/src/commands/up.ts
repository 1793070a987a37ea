import { relative, resolve } from 'node:path';
import { styleText } from 'node:util';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { ALL_EVENTS } from '@holdfast/contracts/subjects';
import { defaultConfig, loadConfig } from '@holdfast/runtime/config';
import { runUntilSignal } from '@holdfast/runtime/lifecycle';
import { createLogger } from '@holdfast/runtime/logger';
import { type RunningHoldfast, startHoldfast } from '@holdfast/standalone/service';
import type { Command } from 'commander';
import { warn } from '../output/print.ts';
import { portNumber, usageError } from '../output/report-error.ts';
import { version } from '../version.ts';

interface UpOptions {
  config?: string;
  data?: string;
  port?: string;
  host?: string;
  sample?: boolean;
}

const CHECKOUT = new URL('../../../../', import.meta.url).pathname;

/** `up`: everything in one process tree. */
export function registerUp(program: Command): void {
  program
    .command('up')
    .description('Protect folders: NATS, the five services and the page, in one process tree')
    .argument('[paths...]', 'folders to protect with the default policy; no config file is needed')
    .option('--config <file>', 'configuration (holdfast.yaml)')
    .option('--data <dir>', 'data folder (default .holdfast)')
    .option('--port <number>', 'HTTP port (default 8420; 0 takes a free one)')
    .option('--host <name>', 'name of this host in events')
    .option('--sample', 'protect a copy of the bundled sample, made in ./sample')
    .action(up);
}

async function up(paths: string[], options: UpOptions): Promise<void> {
  const config = await configFor(paths, options);
  const log = createLogger({ name: 'holdfast', level: config.telemetry.log_level });
  await runUntilSignal(async () => {
    const running = await startHoldfast({ config, log, version: version() });
    process.stdout.write(`ready ${running.url}\n`);
    if (process.stderr.isTTY || options.sample) process.stderr.write(hints(config, running, options));
    return running;
  });
}

async function configFor(paths: string[], options: UpOptions): Promise<HoldfastConfig> {
  if (options.sample && (paths.length > 0 || options.config !== undefined))
    throw usageError('--sample stands alone: it brings its own folder and configuration');
  const flags = flagsOf(options);
  if (options.sample) return sampleConfig(flags);
  if (paths.length > 0) {
    if (options.config !== undefined) throw usageError('give either folders or --config');
    return loadConfig({ defaults: defaultConfig(paths), env: process.env, flags });
  }
  return loadConfig({ file: options.config ?? 'holdfast.yaml', env: process.env, flags });
}

async function sampleConfig(flags: Record<string, unknown>): Promise<HoldfastConfig> {
  const { makeSample } = await import('../../../../deploy/sample/make-sample.ts');
  const target = resolve(CHECKOUT, 'sample');
  const made = await makeSample(target);
  if (made.files > 0) warn(`made the sample: ${made.files} files in ${target}`);
  return loadConfig({ file: resolve(CHECKOUT, 'deploy/sample/holdfast.yaml'), env: process.env, flags });
}

function flagsOf({ data, port, host }: UpOptions): Record<string, unknown> {
  return {
    ...(data === undefined ? {} : { data_dir: resolve(data) }),
    ...(port === undefined ? {} : { 'http.port': portNumber(port) }),
    ...(host === undefined ? {} : { host }),
  };
}

function hints(config: HoldfastConfig, running: RunningHoldfast, { sample }: UpOptions): string {
  const dim = (text: string) => styleText('dim', text, { stream: process.stderr });
  const folder = sample ? relative(process.cwd(), resolve(CHECKOUT, 'sample')) || '.' : undefined;
  const lines = [
    `page    ${running.url}/`,
    `events  nats --creds ${relative(process.cwd(), resolve(config.data_dir))}/nats/ops.creds -s ${running.nats_url} sub '${ALL_EVENTS}'`,
  ];
  if (folder !== undefined) {
    const example = `${folder}/kb_populated_0001.json`;
    const tries = [
      ['./holdfast watch', 'events, live'],
      [`rm ${example}`, 'and it is back'],
      [`./holdfast history ${example}`, 'its versions and losses'],
      ['./holdfast audit query --correlation ID', 'the story of one loss'],
    ] as const;
    const width = Math.max(...tries.map(([command]) => command.length));
    const rows = tries.map(([command, does]) => `  ${command.padEnd(width)}  ${dim(`# ${does}`)}`);
    lines.push('', 'try in another terminal:', ...rows);
  }
  return `${lines.join('\n')}\n`;
}
