import type { Command } from 'commander';

/** What `--include` and `--exclude` gave. */
export interface GlobOptions {
  include?: string[];
  exclude?: string[];
}

/** Gives a command `--include` and `--exclude`: one glob each, as often as wanted, so that neither swallows a path after it. */
export function withGlobOptions(command: Command): Command {
  return command
    .option('--include <glob>', 'only these; may be given several times', collect)
    .option('--exclude <glob>', 'all but these; may be given several times', collect);
}

function collect(glob: string, before: string[] | undefined): string[] {
  return [...(before ?? []), glob];
}
