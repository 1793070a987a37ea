import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { EventData, EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import type { SourceConfig } from '@holdfast/contracts/config';
import type { Role } from '@holdfast/contracts/tokens';
import type { EventStore } from '@holdfast/event-store/event-store';
import { newEvent } from '@holdfast/event-store/new-event';
import { issueToken } from '@holdfast/http/tokens';
import { systemClock } from '@holdfast/runtime/clock';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { RunningService } from '@holdfast/runtime/service';
import { type TestContextOptions, testContext } from '@holdfast/testkit/context';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import type { Engine } from '../../src/adapters/engine.ts';
import { type BackupOverrides, startBackup } from '../../src/service.ts';

export const HOST = 'web1';

/** A protected folder with a data folder beside it, both gone at the end. */
export interface Place extends Disposable {
  readonly root: string;
  readonly data_dir: string;
  write(name: string, content: string): string;
}

export function place(): Place {
  const folder = tempDir();
  const root = join(folder.path, 'bmc');
  mkdirSync(root);
  return {
    root,
    data_dir: join(folder.path, 'data'),
    write: (name, content) => {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      return path;
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

export interface BootOptions extends Pick<BackupOverrides, 'openTier' | 'measureSpace'> {
  events?: EventStore;
  repository?: Engine;
  sources?: Record<string, Partial<SourceConfig>>;
  /** More parts of the configuration. */
  yaml?: TestContextOptions['yaml'];
  overrides?: Partial<ServiceContext>;
  /** Also back up Holdfast itself. */
  own_source?: boolean;
}

/** The service over the memory store, and what a test does with it. */
export interface Booted extends AsyncDisposable {
  readonly context: ServiceContext;
  readonly service: RunningService;
  /** Tells as monitor or recovery would. */
  tell<Type extends EventType>(type: Type, data: EventData<Type>, path: string): Promise<HoldfastEvent<Type>>;
  /** All events of one type so far. */
  told<Type extends EventType>(type: Type): Promise<HoldfastEvent<Type>[]>;
  /** Waits until so many backups are told. */
  created(count: number): Promise<BackupManifest[]>;
  token(role: Role): Promise<string>;
  call<Answer>(
    method: string,
    path: string,
    body?: unknown,
    role?: Role,
  ): Promise<{ status: number; body: Answer }>;
}

export async function boot(at: Place, options: BootOptions = {}): Promise<Booted> {
  const context = await testContext({
    name: 'backup',
    data_dir: at.data_dir,
    yaml: {
      host: HOST,
      // Only who tests it wants backups verified behind their back.
      verification: { enabled: false },
      ...options.yaml,
      sources: options.sources ?? {
        bmc: { root: at.root, priority: 'critical', backup_frequency: 'hourly' },
      },
    },
    ...options.overrides,
    ...(options.events !== undefined && { events: options.events as ServiceContext['events'] }),
  });
  const { repository, openTier, measureSpace } = options;
  const service = await startBackup(context.service_config, {
    ...context,
    own_source: options.own_source ?? false,
    ...(repository && { repository }),
    ...(openTier && { openTier }),
    ...(measureSpace && { measureSpace }),
  });
  const told: Booted['told'] = async (type) => {
    const found: HoldfastEvent[] = [];
    for await (const { event } of context.events.read(1)) if (event.type === type) found.push(event);
    return found as never;
  };
  const token = async (role: Role) =>
    (await issueToken(context.tokens, { name: role, role, now_ms: Date.now() })).token;
  return {
    context,
    service,
    told,
    token,
    tell: async (type, data, path) => {
      const publisher = type === 'FileRecovered' || type === 'RecoverySuperseded' ? 'recovery' : 'monitor';
      const event = newEvent({ host: HOST, service: publisher, clock: systemClock }, type, {
        subject: path,
        data,
      });
      await context.events.append([event as HoldfastEvent]);
      return event;
    },
    created: (count) =>
      eventually(
        async () => {
          const events = await told('BackupCreated');
          return events.length >= count && events.map(({ data }) => data.manifest);
        },
        { what: `${count} backups told` },
      ),
    call: async (method, path, body, role = 'admin') => {
      const reply = await fetch(`${service.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await token(role)}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: reply.status, body: (reply.status === 204 ? undefined : await reply.json()) as never };
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

export function checksumOf(path: string): string {
  return `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

/** What the monitor would say of a file. */
export function facts(path: string, source = 'bmc') {
  const { size, mtime } = statSync(path);
  return { host: HOST, source, path, size, mtime: mtime.toISOString(), checksum: checksumOf(path) };
}

/** What the monitor would say of a loss. */
export function loss(path: string, good: { size: number; checksum: string }, source = 'bmc') {
  const { size, checksum } = good;
  const detected_at = new Date().toISOString();
  return { host: HOST, source, path, size, checksum, detected_at, detected_by: 'watch' as const };
}

/** What recovery would say of its end. */
export function recovered(path: string, source = 'bmc'): EventData<'FileRecovered'> {
  return {
    recovery_id: 'r1',
    host: HOST,
    source,
    path,
    tried: [],
    lost_at: new Date().toISOString(),
    strategy: 'latest_backup',
    backup_id: null,
    snapshot_id: null,
    checksum: checksumOf(path),
    bytes: statSync(path).size,
    exact: true,
    quarantined_to: null,
    duration_ms: 1,
    steps_ms: {},
  };
}
