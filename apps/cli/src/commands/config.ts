import { resolve } from 'node:path';
import { configJsonSchema, inactiveKeys, loadConfig, printableConfig } from '@holdfast/runtime/config';
import { refusedSources } from '@holdfast/runtime/key-place';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { print, printAsIs, printJson } from '../output/print.ts';

interface ConfigOptions {
  config: string;
  json?: boolean;
}

/** `config check|print|schema` */
export function registerConfig(program: Command): void {
  const config = program.command('config').description('Look at the configuration');
  const file = (command: Command) =>
    command
      .option('--config <file>', 'configuration', 'holdfast.yaml')
      .option('--json', 'JSON instead of YAML');
  file(config.command('check').description('Say whether it is valid; the place of the first mistake')).action(
    check,
  );
  file(
    config
      .command('print')
      .description('As it is in force, defaults and environment included, without secrets'),
  ).action(show);
  config
    .command('schema')
    .description('JSON Schema, for editors')
    .action(() => printJson(configJsonSchema()));
}

async function check(options: ConfigOptions): Promise<void> {
  const config = await loadConfig({ file: options.config, env: process.env });
  const sources = Object.keys(config.sources);
  const inactive = inactiveKeys(config);
  const refused = refusedSources(config, resolve(config.data_dir));
  if (options.json) return printJson({ valid: true, sources, inactive, refused });
  print(`${options.config} is valid: ${sources.length} sources (${sources.join(', ')})`);
  for (const { source, reason } of refused) print(`  backups of ${source} are refused: ${reason}`);
  for (const { key, reason } of inactive) print(`  ${reason}: ${key}`);
}

async function show(options: ConfigOptions): Promise<void> {
  const config = printableConfig(await loadConfig({ file: options.config, env: process.env }));
  if (options.json) printJson(config);
  else printAsIs(stringify(config).trimEnd());
}
