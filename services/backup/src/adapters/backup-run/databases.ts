import { join } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import { newId } from '@holdfast/event-store/new-event';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { BackupSettings, ProtectedSource } from '../../config.ts';
import { type Capture, createCapture, isLogLost, type Wanted } from '../../mongodb/capture.ts';
import { CHANGES } from '../../mongodb/staging.ts';
import type { BackupState } from '../state.ts';

/** The databases of this host: their folders are brought up to date before each backup, and their changes followed. */
export interface Databases extends AsyncDisposable {
  /** Resolves when the folder of a database source may be read; at once for any other source. */
  prepare(source: ProtectedSource, wanted: Wanted): Promise<void>;
  /** The cluster time of a database source, as `restore-database` takes it. */
  now(source: ProtectedSource): Promise<string>;
  /** Why the changes of a source cannot be followed now, or null. */
  trouble(source: string): string | null;
  /** Begins to follow; `wake` is called where a backup is due. */
  watch(wake: () => void): void;
}

export interface DatabasesDeps {
  readonly context: ServiceContext;
  readonly settings: BackupSettings;
  readonly state: BackupState;
}

/** So often changes are made durable between backups. */
const FOLLOW_MS = 30_000;
/** The same where each change is to be in a backup within a second. */
const FOLLOW_ON_CHANGE_MS = 300;

/** A capture for each database source; none connects before it is needed. */
export function openDatabases(deps: DatabasesDeps): Databases {
  const { clock } = deps.context;
  const captures = new Map<string, Capture>();
  for (const { name, mongodb } of deps.settings.sources) {
    if (mongodb !== undefined) captures.set(name, createCapture(mongodb, { now_ms: clock.now_ms }));
  }
  const troubles = new Map<string, string>();
  const followers: AsyncDisposable[] = [];
  return {
    prepare: async (source, wanted) => {
      const capture = captures.get(source.name);
      if (capture === undefined) return;
      await capture.prepare(wanted);
      troubles.delete(source.name);
    },
    now: async (source) => {
      const time = await captures.get(source.name)?.now();
      if (time === undefined) throw new HoldfastError('internal', `${source.name} is no database`);
      return `${time.seconds}.${time.increment}`;
    },
    trouble: (source) => troubles.get(source) ?? null,
    watch: (wake) => {
      for (const source of deps.settings.sources) {
        const capture = captures.get(source.name);
        if (capture !== undefined && isFollowed(source)) {
          followers.push(follow({ ...deps, source, capture, troubles, wake }));
        }
      }
    },
    async [Symbol.asyncDispose]() {
      for (const follower of followers) await follower[Symbol.asyncDispose]();
      for (const capture of captures.values()) await capture[Symbol.asyncDispose]();
    },
  };
}

function isFollowed({ config }: ProtectedSource): boolean {
  return config.point_in_time_recovery || config.backup_frequency === 'on_change';
}

interface Follower extends DatabasesDeps {
  readonly source: ProtectedSource;
  readonly capture: Capture;
  readonly troubles: Map<string, string>;
  readonly wake: () => void;
}

function follow(follower: Follower): AsyncDisposable {
  const { source, context } = follower;
  const stopping = new AbortController();
  const every_ms = source.config.backup_frequency === 'on_change' ? FOLLOW_ON_CHANGE_MS : FOLLOW_MS;
  let working = Promise.resolve();
  let cancel: () => void = () => undefined;
  const round = () => {
    working = followOnce(follower, stopping.signal).finally(() => {
      if (!stopping.signal.aborted) cancel = context.clock.after(every_ms, round);
    });
  };
  cancel = context.clock.after(every_ms, round);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      cancel();
      await working;
    },
  };
}

/** What goes wrong is shown and tried again: the backup that needs the log fails by itself, and tells of it. */
async function followOnce(follower: Follower, signal: AbortSignal): Promise<void> {
  const { source, capture, troubles, context } = follower;
  try {
    const events = await capture.follow(signal);
    if (troubles.delete(source.name))
      context.log.info({ source: source.name }, 'the database can be followed again');
    if (events > 0 && source.config.backup_frequency === 'on_change') wantBackup(follower);
  } catch (error) {
    if (signal.aborted) return;
    const { message } = error as HoldfastError;
    if (!troubles.has(source.name)) {
      context.log.warn({ err: error, source: source.name }, 'the changes of a database cannot be followed');
    }
    troubles.set(source.name, message);
    if (isLogLost(error)) wantBackup(follower);
  }
}

/** Noted as a change that no snapshot holds: it is backed up like any other, also after a restart. */
function wantBackup({ source, state, context, wake }: Follower): void {
  const since_ms = context.clock.now_ms();
  const path = join(source.roots[0] ?? '', CHANGES);
  state.write(() =>
    state.changes.add({
      source: source.name,
      path,
      gone: false,
      since_ms,
      correlationid: newId(since_ms),
      traceparent: null,
    }),
  );
  wake();
}

/** A backup of a database that lacks one of its files is none: it could not be restored. */
export function refuseIncomplete(
  source: ProtectedSource,
  unreadable: readonly { path: string; reason: string }[],
) {
  const [first] = unreadable;
  if (source.mongodb === undefined || first === undefined) return;
  throw new HoldfastError('source_unreadable', `${first.path}: ${first.reason}`);
}
