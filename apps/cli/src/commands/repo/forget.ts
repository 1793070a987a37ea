import { DurationMs } from '@holdfast/contracts/durations';
import type { Repository, Snapshot } from '@holdfast/repository/api';
import { applyKeepPolicy, type KeepPolicy, type Verdict } from '@holdfast/repository/deletion/keep-policy';
import type { Command } from 'commander';
import { count, localTime, print, printJson, printTable } from '../../output/print.ts';
import { usageError } from '../../output/report-error.ts';
import { type PruneCommandOptions, pruneAndReport, withPruneOptions } from './prune.ts';
import { withRepoOptions, withRepository } from './with-repository.ts';

const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

interface ForgetOptions extends PruneCommandOptions {
  host?: string;
  source?: string;
  keepWithin?: string;
  reason: string;
  prune?: boolean;
}

const HELP = `
Give IDs, or say what stays; without either nothing is forgotten. What stays is counted for each host and source by
itself, as restic does: --keep-daily 7 keeps the newest snapshot of each of the last seven days that have one.
Forgetting frees no space; prune does (or --prune).

  holdfast repo forget --keep-hourly 24 --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run`;

/** `repo forget` */
export function registerForget(repo: Command): void {
  const command = repo.command('forget').argument('[ids...]', 'snapshots, by ID');
  withRepoOptions(command.description('Remove snapshots, by ID or by a rule of what stays'))
    .option('--host <name>', 'of this host only')
    .option('--source <name>', 'of this source only')
    .option('--keep-within <time>', 'keep all this close to the newest one: 36h, 30 days')
    .option('--reason <text>', 'is kept in the tombstone', 'repo forget')
    .option('--prune', 'free the space at once')
    .addHelpText('after', HELP);
  for (const name of COUNTS)
    command.option(`--keep-${name} <n>`, `how many of the ${name} ones stay`, wholeNumber);
  withPruneOptions(command).action(forget);
}

async function forget(ids: string[], options: ForgetOptions): Promise<void> {
  const policy = policyOf(options);
  if (ids.length > 0 && policy !== undefined) throw usageError('give IDs or --keep-…, not both');
  if (ids.length === 0 && policy === undefined) {
    throw usageError('which snapshots? Give IDs, or say what stays with --keep-…');
  }
  await withRepository(options, async (repository) => {
    const verdicts = await judge(repository, options, { ids, policy });
    const goes = verdicts.filter(({ keep }) => !keep).map(({ snapshot }) => snapshot);
    if (!options.dryRun)
      await repository.forget(
        goes.map(({ id }) => id),
        { reason: options.reason },
      );
    if (!options.json) report(verdicts, goes, options);
    const pruned = options.prune ? await pruneAndReport(repository, options) : undefined;
    if (options.json) printJson(asJson(verdicts, options, pruned));
  });
}

async function judge(
  repository: Repository,
  { host, source }: ForgetOptions,
  { ids, policy }: { ids: readonly string[]; policy: KeepPolicy | undefined },
): Promise<Verdict[]> {
  if (policy === undefined) {
    const named = await Promise.all(ids.map((id) => repository.snapshot(id)));
    return named.map((snapshot) => ({ snapshot, keep: false, reasons: [] }));
  }
  const filter = { ...(host !== undefined && { host }), ...(source !== undefined && { source }) };
  return applyKeepPolicy(await repository.snapshots(filter), policy, Date.now());
}

function policyOf(options: ForgetOptions): KeepPolicy | undefined {
  const given = options as unknown as Record<string, number | undefined>;
  const counts = COUNTS.map(
    (name) => [name, given[`keep${name[0]?.toUpperCase()}${name.slice(1)}`]] as const,
  );
  const policy = Object.fromEntries(counts.filter(([, number]) => number !== undefined));
  if (options.keepWithin === undefined) return Object.keys(policy).length === 0 ? undefined : policy;
  const within_ms = DurationMs.safeParse(options.keepWithin);
  if (!within_ms.success) throw usageError(`--keep-within: ${within_ms.error.issues[0]?.message}`);
  return { ...policy, within_ms: within_ms.data };
}

function report(verdicts: readonly Verdict[], goes: readonly Snapshot[], options: ForgetOptions): void {
  const rows = verdicts.map(({ snapshot, keep, reasons }) => [
    keep ? 'keep' : 'forget',
    snapshot.id.slice(0, 8),
    localTime(new Date(snapshot.started_ms).toISOString()),
    snapshot.host,
    snapshot.source,
    reasons.join(', '),
  ]);
  printTable(['', 'id', 'time', 'host', 'source', 'why'], rows);
  const done = options.dryRun ? 'would forget' : 'forgot';
  const stay = verdicts.length - goes.length;
  // Where IDs were given nobody has looked at the others.
  print(`${done} ${count(goes.length, 'snapshot')}${stay === 0 ? '' : `, ${stay} stay`}`);
}

function asJson(verdicts: readonly Verdict[], options: ForgetOptions, pruned: unknown) {
  const items = verdicts.map(({ snapshot, keep, reasons }) => ({ snapshot_id: snapshot.id, keep, reasons }));
  return { dry_run: options.dryRun ?? false, items, ...(pruned !== undefined && { prune: pruned }) };
}

function wholeNumber(given: string): number {
  if (!/^\d{1,9}$/.test(given)) throw usageError(`${given} is not a whole number`);
  return Number(given);
}
