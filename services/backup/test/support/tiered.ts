import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { ListedBackup, MoveResult, RestoreResult } from '@holdfast/contracts/http/backup';
import type { Repository } from '@holdfast/repository/api';
import { openOrCreate } from '@holdfast/repository/repository-key';
import type { TierPlace } from '@holdfast/runtime/repository-place';
import { type FakeClock, fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect } from '@jest/globals';
import { type Booted, type BootOptions, boot, type Place, place } from './booted.ts';
import { TIERS } from './tier-config.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
const START = Date.parse('2026-07-15T00:30:00.000Z');

/** A service with three tiers on real repositories, and a clock that a test turns. */
export interface Tiered extends AsyncDisposable {
  readonly at: Place;
  readonly clock: FakeClock;
  /** The service as it runs now. */
  readonly backup: Booted;
  options(more?: Partial<BootOptions>): BootOptions;
  /** Starts the service; one that runs goes on (a test that wants it gone closes it). */
  start(more?: Partial<BootOptions>): Promise<Booted>;
  full(): Promise<BackupManifest>;
  shown(id: string): Promise<ListedBackup>;
  tiersOf(id: string): Promise<string[]>;
  listedIn(tier: string): Promise<string[]>;
  move(dry_run?: boolean): Promise<MoveResult>;
  /** Lets time go by until a backup is in this tier only, and that is told. */
  until(id: string, tier: string): Promise<void>;
  /** Two backups with different content, an hour apart. */
  twoBackups(more?: Partial<BootOptions>): Promise<{ old: BackupManifest; newest: BackupManifest }>;
  /** The whole backup, put below a new folder and compared: where the root is now. */
  restored(manifest: Pick<BackupManifest, 'backup_id'>, name: string): Promise<string>;
}

export function tiered(): Tiered {
  const at = place();
  const clock = fakeClock(START);
  at.write('a.json', '{"a":1}');
  at.write('logs/today.log', 'ñandú '.repeat(10_000));
  let running: Booted | undefined;
  const self: Tiered = {
    at,
    clock,
    get backup() {
      if (running === undefined) throw new Error('not started');
      return running;
    },
    options: (more = {}) => ({
      sources: { bmc: { root: at.root, backup_frequency: 'monthly' } },
      yaml: { time_zone: 'UTC', storage: { tiers: TIERS } },
      ...more,
      overrides: { clock, ...more.overrides },
    }),
    start: async (more) => {
      running = await boot(at, self.options(more));
      return running;
    },
    ...askingOf(() => self),
    twoBackups: async (more) => {
      await self.start(more);
      const [old] = (await self.backup.created(1)) as [BackupManifest];
      clock.advance(HOUR);
      at.write('a.json', '{"a":2}');
      at.write('b.json', '{}');
      return { old, newest: await self.full() };
    },
    async [Symbol.asyncDispose]() {
      await running?.[Symbol.asyncDispose]();
      at[Symbol.dispose]();
    },
  };
  return self;
}

type Asking = 'full' | 'shown' | 'tiersOf' | 'listedIn' | 'move' | 'until' | 'restored';

function askingOf(of: () => Tiered): Pick<Tiered, Asking> {
  const asking: Pick<Tiered, Asking> = {
    full: async () =>
      (await of().backup.call<BackupManifest>('POST', '/api/backup', { type: 'full', wait: true })).body,
    shown: async (id) => (await of().backup.call<ListedBackup>('GET', `/api/backup/${id}`)).body,
    tiersOf: async (id) => (await asking.shown(id)).locations.map(({ tier }) => tier),
    listedIn: async (tier) => {
      const page = await of().backup.call<{ items: ListedBackup[] }>('GET', `/api/backup?tier=${tier}`);
      return page.body.items.map(({ backup_id }) => backup_id);
    },
    move: async (dry_run = false) =>
      (await of().backup.call<MoveResult>('POST', '/api/backup/move', { dry_run })).body,
    until: async (id, tier) => {
      await eventually(async () => {
        of().clock.advance(HOUR);
        const told = (await of().backup.told('BackupCopyRemoved')).filter(({ subject }) => subject === id);
        return told.at(-1)?.data.kept_in.join() === tier && (await asking.tiersOf(id)).join() === tier;
      });
    },
    restored: async ({ backup_id }, name) => {
      const { at, backup } = of();
      const target_path = join(at.root, '..', name);
      const body = { backup_id, target_path };
      const reply = await backup.call<RestoreResult>('POST', '/api/backup/restore', body);
      expect(reply.body).toMatchObject({ failed: [], verified: true });
      return join(target_path, at.root);
    },
  };
  return asking;
}

/** The real repository of a tier, of which one call is another. */
export function tierWith<Method extends 'copy_from' | 'snapshots'>(
  method: Method,
  change: (call: () => Promise<unknown>, tier: string) => Promise<unknown>,
) {
  return async (where: TierPlace) => {
    const repository = await openOrCreate(where);
    const call = repository[method] as (...args: unknown[]) => Promise<unknown>;
    const changed = {
      [method]: (...args: unknown[]) => change(() => call.apply(repository, args), where.name),
    };
    return Object.assign(Object.create(repository), repository, changed) as Repository;
  };
}
