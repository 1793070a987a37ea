import type { Command } from 'commander';

type Register = (repo: Command) => void;

/** Loaded when they are given: see main.ts. */
const VERBS: Readonly<Record<string, () => Promise<Register>>> = {
  init: async () => (await import('./init.ts')).registerInit,
  backup: async () => (await import('./backup.ts')).registerBackup,
  snapshots: async () => (await import('./snapshots.ts')).registerSnapshots,
  ls: async () => (await import('./ls.ts')).registerLs,
  find: async () => (await import('./find.ts')).registerFind,
  diff: async () => (await import('./diff.ts')).registerDiff,
  restore: async () => (await import('./restore.ts')).registerRestore,
  check: async () => (await import('./check.ts')).registerCheck,
  repair: async () => (await import('./repair.ts')).registerRepair,
  copy: async () => (await import('./copy.ts')).registerCopy,
  forget: async () => (await import('./forget.ts')).registerForget,
  prune: async () => (await import('./prune.ts')).registerPrune,
  stats: async () => (await import('./stats.ts')).registerStats,
  key: async () => (await import('./key.ts')).registerKey,
};

/** `repo …`: a repository by itself, without a server: what you need on the worst day. */
export async function registerRepo(program: Command, verb: string | undefined): Promise<void> {
  const repo = program.command('repo').description('A repository by itself: needs no server and no NATS');
  const only = verb !== undefined && Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  for (const load of only === undefined ? Object.values(VERBS) : [only]) {
    const register = await load();
    register(repo);
  }
}
