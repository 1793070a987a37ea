import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { CommandLine, VolumeSnapshotConfig } from '@holdfast/contracts/source-commands';
import type { BackupRequest } from '@holdfast/repository/api';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { isWithin } from '@holdfast/runtime/path-pattern';
import type { ProtectedSource } from '../../config.ts';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import { isThere } from '../backup-run/standing.ts';
import { environmentOf, logged } from '../hooks/hooks.ts';
import { commandName, runCommand } from '../hooks/run-command.ts';
import { createLine } from '../line.ts';
import type { BackupState } from '../state.ts';
import type { FrozenCopy } from './frozen-table.ts';

/** A volume that stands still under another path, until it is released. */
export interface FrozenVolume {
  readonly read_at: NonNullable<BackupRequest['read_at']>;
  /** Never rejects: what could not be released is tried again before the next one, and at the next start. */
  release(): Promise<void>;
}

/** Freezes volumes by commands of the configuration. */
export interface VolumeSnapshots extends AsyncDisposable {
  /** Rejects with `volume_snapshot_failed`; then nothing is left of it. */
  freeze(
    volume: VolumeSnapshotConfig,
    of: { run: BackupRun; source: ProtectedSource },
  ): Promise<FrozenVolume>;
  /** Why a frozen copy of a source could not be released, or null. */
  trouble(source: string): string | null;
}

export interface VolumeDeps {
  readonly context: ServiceContext;
  readonly state: BackupState;
}

interface Work extends VolumeDeps {
  readonly troubles: Map<string, string>;
}

/** Releases what an earlier life of the service left, and then waits to be asked. */
export function openVolumeSnapshots(deps: VolumeDeps): VolumeSnapshots {
  const work: Work = { ...deps, troubles: new Map() };
  const in_use = new Set<string>();
  const releaseLeftovers = async () => {
    for (const copy of deps.state.frozen.list()) if (!in_use.has(copy.id)) await release(work, copy);
  };
  // One after the other: what is left over is gone before the same place is used again.
  const line = createLine();
  line
    .run(releaseLeftovers)
    .catch((error: unknown) =>
      deps.context.log.error(
        { err: error },
        'frozen volumes that were left could not be looked for; will retry',
      ),
    );
  return {
    freeze: (volume, { run, source }) =>
      line.run(async () => {
        await releaseLeftovers();
        const copy = copyOf(volume, source.name);
        requireApart(volume, copy, source);
        in_use.add(copy.id);
        const released = async () => {
          await release(work, copy);
          in_use.delete(copy.id);
        };
        try {
          await create(work, { copy, volume, run });
        } catch (error) {
          await released();
          throw error;
        }
        return { read_at: { from: resolve(volume.volume), at: copy.path }, release: released };
      }),
    trouble: (source) => work.troubles.get(source) ?? null,
    async [Symbol.asyncDispose]() {
      await line.over();
    },
  };
}

function copyOf(volume: VolumeSnapshotConfig, source: string): FrozenCopy {
  const id = `hf${randomBytes(4).toString('hex')}`;
  return {
    id,
    source,
    path: resolve(volume.path.replaceAll('{id}', id)),
    release: named(volume.release, id),
    timeout_ms: volume.timeout,
  };
}

function named(run: CommandLine, id: string): CommandLine {
  return typeof run === 'string'
    ? run.replaceAll('{id}', id)
    : run.map((word) => word.replaceAll('{id}', id));
}

interface Creation {
  readonly copy: FrozenCopy;
  readonly volume: VolumeSnapshotConfig;
  readonly run: BackupRun;
}

async function create({ context, state }: Work, { copy, volume, run }: Creation): Promise<void> {
  // Before it is made: a crash in between leaves something to release, not something that nobody knows of.
  state.write(() => state.frozen.put(copy));
  const command = named(volume.create, copy.id);
  const env = { ...environmentOf(run, context.host), HOLDFAST_VOLUME_SNAPSHOT: copy.id };
  const outcome = await runCommand({ run: command, working_folder: '/', env, timeout_ms: copy.timeout_ms });
  const name = commandName(command);
  const fields = { source: copy.source, volume_snapshot: copy.id, command: name, ...logged(outcome) };
  const is_there = statSync(copy.path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const problem = outcome.problem ?? (is_there ? null : `there is no folder ${copy.path} after it`);
  if (problem === null) return context.log.info(fields, 'a volume is frozen');
  context.log.error({ ...fields, problem }, 'a volume could not be frozen');
  throw new HoldfastError('volume_snapshot_failed', `${copy.source}: ${name} failed: ${problem}`);
}

/** So often a release is tried of which nothing stands: it may never have been made, or be there and not mounted. */
const RELEASES_OF_NOTHING = 5;

/** Never rejects: what could not be released, or noted, is tried again. */
async function release(work: Work, copy: FrozenCopy): Promise<void> {
  const { context, state, troubles } = work;
  const env = { HOLDFAST_VOLUME_SNAPSHOT: copy.id, HOLDFAST_SOURCE: copy.source };
  const { release: run, timeout_ms } = copy;
  const outcome = await runCommand({ run, working_folder: '/', env, timeout_ms });
  const command = commandName(run);
  const fields = { source: copy.source, volume_snapshot: copy.id, command, ...logged(outcome) };
  try {
    if (outcome.problem !== null) return noteUnreleased(work, copy, { fields, problem: outcome.problem });
    state.write(() => state.frozen.remove(copy.id));
    troubles.delete(copy.source);
    context.log.info(fields, 'a frozen volume is released');
  } catch (error) {
    // The disk is full, most likely: it is still noted, and released once more.
    context.log.error({ ...fields, err: error }, 'what became of a frozen volume could not be noted');
  }
}

function noteUnreleased(
  { context, state, troubles }: Work,
  copy: FrozenCopy,
  { fields, problem }: { fields: object; problem: string },
): void {
  const tries = (copy.tries ?? 0) + 1;
  if (!isThere(copy.path) && tries >= RELEASES_OF_NOTHING) {
    state.write(() => state.frozen.remove(copy.id));
    troubles.delete(copy.source);
    const given_up =
      'a frozen volume of which nothing stands could not be released; it is given up: is any of it left?';
    context.log.error({ ...fields, problem, tries }, given_up);
    return;
  }
  troubles.set(copy.source, `the volume snapshot ${copy.id} could not be released: ${problem}`);
  context.log.error({ ...fields, problem }, 'a frozen volume could not be released; it is tried again');
  state.write(() => state.frozen.put({ ...copy, tries }));
}

/** The source lies in the volume; its frozen copy does not lie in the source, which would then be watched and backed up twice. */
function requireApart({ volume }: VolumeSnapshotConfig, { path }: FrozenCopy, source: ProtectedSource): void {
  const place = `sources.${source.name}.volume_snapshot`;
  const outside = source.roots.find((root) => !isWithin(root, resolve(volume)));
  if (outside !== undefined)
    throw new HoldfastError('config_invalid', `${place}: ${outside} is not in ${volume}`);
  // ZFS lists its snapshots nowhere.
  const is_inside = !path.includes('/.zfs/') && source.matches(join(path, 'file'));
  if (is_inside) throw new HoldfastError('config_invalid', `${place}: ${path} lies in what is backed up`);
}
