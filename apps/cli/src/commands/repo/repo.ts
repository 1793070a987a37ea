import type { Command } from 'commander';
import { registerBackup } from './backup.ts';
import { registerCheck } from './check.ts';
import { registerCopy } from './copy.ts';
import { registerDiff } from './diff.ts';
import { registerFind } from './find.ts';
import { registerForget } from './forget.ts';
import { registerInit } from './init.ts';
import { registerKey } from './key.ts';
import { registerLs } from './ls.ts';
import { registerPrune } from './prune.ts';
import { registerRepair } from './repair.ts';
import { registerRestore } from './restore.ts';
import { registerSnapshots } from './snapshots.ts';
import { registerStats } from './stats.ts';

/** `repo …`: a repository by itself, without a server: what you need on the worst day. */
export function registerRepo(program: Command): void {
  const repo = program.command('repo').description('A repository by itself: needs no server and no NATS');
  for (const register of [
    registerInit,
    registerBackup,
    registerSnapshots,
    registerLs,
    registerFind,
    registerDiff,
    registerRestore,
    registerCheck,
    registerRepair,
    registerCopy,
    registerForget,
    registerPrune,
    registerStats,
    registerKey,
  ]) {
    register(repo);
  }
}
