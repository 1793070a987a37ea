import type { BackupMoment } from '@holdfast/contracts/backup-events';
import type { BackupRequest } from '@holdfast/repository/api';
import { timestamp } from '@holdfast/runtime/clock';
import type { ProtectedSource } from '../../config.ts';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import type { Databases } from '../backup-run/databases.ts';
import type { Participant } from './moments.ts';
import type { FrozenVolume, VolumeSnapshots } from './volume-snapshots.ts';

export interface TakeMomentDeps {
  readonly databases: Databases;
  readonly volumes: VolumeSnapshots;
}

/** One attempt of a run; `participant` null: it is no part of a snapshot of several sources. */
export interface MomentAttempt {
  readonly run: BackupRun;
  readonly source: ProtectedSource;
  readonly participant: Participant | null;
}

/** How a source is read as of one moment. Disposing releases what was frozen for it. */
export interface TakenMoment extends AsyncDisposable {
  readonly reading: Pick<BackupRequest, 'read_at' | 'settle'>;
  /** For the manifest, once all is read; undefined where no moment was wanted. */
  facts(): BackupMoment | undefined;
}

const NOTHING = { changed: 0, paths: [] };

/**
 * Makes a source ready to be read as of one moment, together with all others of its group: a volume is frozen, of a
 * database the cluster time is noted, and files are read until none changes any more.
 */
export async function takeMoment(deps: TakeMomentDeps, attempt: MomentAttempt): Promise<TakenMoment> {
  const { run, source, participant } = attempt;
  if (source.config.volume_snapshot?.backup_types.includes(run.backup_type) && run.walk) {
    return frozen(deps, attempt);
  }
  if (participant === null) return plain({}, () => undefined);
  if (source.mongodb !== undefined) return pinned(deps, source, participant);
  return plain({ settle: (pass) => participant.arrive(pass) }, () => factsOf(participant, 'unchanged_files'));
}

async function frozen(
  { volumes }: TakeMomentDeps,
  { run, source, participant }: MomentAttempt,
): Promise<TakenMoment> {
  const config = source.config.volume_snapshot as NonNullable<typeof source.config.volume_snapshot>;
  let freezing: Promise<FrozenVolume> | undefined;
  const release = async () => {
    const volume = await freezing?.catch(() => undefined);
    freezing = undefined;
    await volume?.release();
  };
  const freeze = async () => {
    await release();
    freezing = volumes.freeze(config, { run, source });
    await freezing;
  };
  try {
    if (participant === null) await freeze();
    else while (await participant.arrive({ ...NOTHING, freeze }));
    const { read_at } = await (freezing as unknown as Promise<FrozenVolume>);
    const facts = () => (participant === null ? undefined : factsOf(participant, 'volume_snapshot'));
    return { reading: { read_at }, facts, [Symbol.asyncDispose]: release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function pinned(
  { databases }: TakeMomentDeps,
  source: ProtectedSource,
  participant: Participant,
): Promise<TakenMoment> {
  let cluster_time = '';
  const freeze = async () => {
    cluster_time = await databases.now(source);
  };
  while (await participant.arrive({ ...NOTHING, freeze }));
  return plain({}, () => ({ ...factsOf(participant, 'cluster_time'), cluster_time }));
}

function plain(reading: TakenMoment['reading'], facts: TakenMoment['facts']): TakenMoment {
  return { reading, facts, [Symbol.asyncDispose]: async () => undefined };
}

function factsOf(participant: Participant, how: BackupMoment['how']): BackupMoment {
  const { at_ms, settled, changing, ...facts } = participant.facts();
  return {
    ...facts,
    at: timestamp(at_ms),
    settled,
    how,
    changing: settled ? [] : changing,
    cluster_time: null,
  };
}
