import { z } from 'zod';
import { BackupType } from './backup-events.ts';
import { DurationMs } from './durations.ts';

const MINUTE_MS = 60_000;

/** A program with its arguments, or one line for `/bin/sh`. */
export const CommandLine = z.union([z.string().min(1), z.array(z.string()).min(1)]);
export type CommandLine = z.infer<typeof CommandLine>;

const hook = {
  run: CommandLine.describe('a program with its arguments, or one line for /bin/sh'),
  name: z.string().min(1).optional().describe('for logs and errors; default: the program'),
  timeout: DurationMs.default(5 * MINUTE_MS).describe(
    'after it the command is ended, with all that it started',
  ),
  working_folder: z.string().startsWith('/').optional().describe('default: the root of the source'),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).default({}),
};

export const PreHook = z.strictObject({
  ...hook,
  on_error: z.enum(['fail', 'continue']).default('fail').describe('fail: there is no backup'),
});
export type PreHook = z.infer<typeof PreHook>;

export const PostHook = z.strictObject({
  ...hook,
  when: z.enum(['always', 'success', 'failure']).default('always'),
});
export type PostHook = z.infer<typeof PostHook>;

/** Commands before and after each backup of a source, but for those that an edit starts. */
export const HooksConfig = z.strictObject({
  pre: z.array(PreHook).default([]),
  post: z.array(PostHook).default([]),
});
export type HooksConfig = z.infer<typeof HooksConfig>;

/** How a volume is frozen for a backup: `{id}` is a name that is new each time. */
export const VolumeSnapshotConfig = z.strictObject({
  volume: z.string().startsWith('/').describe('what is frozen: the source lies in it'),
  path: z.string().startsWith('/').describe('where its frozen copy stands after `create`'),
  create: CommandLine,
  release: CommandLine.describe(
    'where it fails it is tried again: for ever while `path` stands, else five times',
  ),
  timeout: DurationMs.default(MINUTE_MS),
  backup_types: z.array(BackupType).min(1).default(['snapshot']),
});
export type VolumeSnapshotConfig = z.infer<typeof VolumeSnapshotConfig>;
