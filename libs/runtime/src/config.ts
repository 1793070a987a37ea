import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { checkConfig, type Place } from './config/check.ts';
import { type EnvKey, readEnv } from './config/from-env.ts';
import { readConfigFile } from './config/from-file.ts';
import { resolvePaths } from './config/resolve-paths.ts';
import { configJsonSchema, type KeyPath } from './config/schema-walk.ts';
import { leaf, merge, type Tree } from './config/tree.ts';

export { defaultConfig } from './config/default-config.ts';
export { type InactiveKey, inactiveKeys } from './config/inactive.ts';
export { printableConfig } from './config/print.ts';
export { configJsonSchema } from './config/schema-walk.ts';
export { readSecret } from './config/secret.ts';

/** Where a configuration comes from; what stands later in this list goes before what stands earlier. */
export interface ConfigLayers {
  /** Below everything: `defaultConfig(paths)`. */
  defaults?: Tree;
  /** holdfast.yaml; paths in it count from its folder. */
  file?: string | undefined;
  env: NodeJS.ProcessEnv;
  /** Of the command line, by key path: `{ 'http.port': 8420 }`. Undefined ones say nothing. */
  flags?: Record<string, unknown>;
}

/**
 * Puts the layers together and checks them. Rejects with `config_invalid` and one line that names the place and key:
 * `holdfast.yaml:12:15 sources.x.priority: expected one of …`, or the variable or flag that gave the value.
 */
export async function loadConfig({
  defaults = {},
  file,
  env,
  flags = {},
}: ConfigLayers): Promise<HoldfastConfig> {
  const schema = configJsonSchema();
  const read = file === undefined ? null : await readConfigFile(file);
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  const fromFlags = given.reduce<Tree>((tree, [key, value]) => merge(tree, leaf(key.split('.'), value)), {});
  const inFile = read === null ? {} : resolvePaths(read.tree, dirname(resolve(file ?? '')));
  const under = merge(merge({ host: hostname() }, resolvePaths(defaults, process.cwd())), inFile);
  const fromEnv = readEnv(env, schema, under);
  const here = resolvePaths(merge(fromEnv.tree, fromFlags), process.cwd());
  const place = placeOf(
    given.map(([key]) => key),
    fromEnv.keys,
    read?.place ?? (() => file ?? 'the configuration'),
  );
  return checkConfig(merge(under, here), schema, place);
}

// The layer on top gave the value, so it is the one to be named.
function placeOf(flags: readonly string[], variables: readonly EnvKey[], inFile: Place): Place {
  const covers = (given: readonly (string | number)[], path: KeyPath) =>
    given.length > 0 && given.every((key, depth) => key === path[depth]);
  return (path, key) => {
    const whole = key === undefined ? path : [...path, key];
    const flag = flags.find((name) => covers(name.split('.'), whole));
    if (flag !== undefined) return `--${flag}`;
    return variables.find((variable) => covers(variable.path, whole))?.variable ?? inFile(path, key);
  };
}
