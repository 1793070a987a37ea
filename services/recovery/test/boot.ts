import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import { HoldfastConfig } from '@holdfast/contracts/config';
import { dataPaths } from '@holdfast/contracts/paths';
import { TOKENS_BUCKET } from '@holdfast/contracts/subjects';
import type { Role } from '@holdfast/contracts/tokens';
import type { Handler } from '@holdfast/event-store/event-store';
import { createMemoryStore, type MemoryStore } from '@holdfast/event-store/memory-store';
import { newEvent, newId } from '@holdfast/event-store/new-event';
import { issueToken } from '@holdfast/http/tokens';
import type { Repository, Snapshot } from '@holdfast/repository/api';
import { openOrCreate } from '@holdfast/repository/repository-key';
import { systemClock } from '@holdfast/runtime/clock';
import { silentLogger } from '@holdfast/runtime/logger';
import type { RunningService } from '@holdfast/runtime/service';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import type { LossCase } from '../src/domain/loss-case/state.ts';
import { type RecoveryOverrides, startRecovery } from '../src/service.ts';

const HOST = 'test-host';
const SOURCE = 'docs';
const monitor = { host: HOST, service: 'monitor', clock: systemClock } as const;

export const sumOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface Ask {
  readonly get?: string;
  readonly post?: string;
  readonly body?: unknown;
  readonly role?: Role;
}

type Yaml = Partial<(typeof HoldfastConfig)['_zod']['input']>;

/** A protected folder, its repository and the events: what recovery lives among. The rest of the system is played here. */
export interface World extends AsyncDisposable {
  /** The protected folder. */
  readonly root: string;
  readonly data_dir: string;
  readonly events: MemoryStore;
  readonly repository: Repository;
  readonly snapshots: Snapshot[];
  write(name: string, content: string | Buffer): string;
  backup(): Promise<Snapshot>;
  start(overrides?: RecoveryOverrides): Promise<RunningService>;
  /** What the monitor would say of files that stood there as `bytes`. */
  tellDeleted(files: ReadonlyMap<string, Buffer>): Promise<void>;
  tellCorrupted(path: string, good: Buffer, bad: Buffer): Promise<void>;
  /** A backup was made: the event that tells it. */
  tellBackup(snapshot_id: string): Promise<void>;
  /** The absence of a file became allowed. */
  tellRetired(path: string): Promise<void>;
  /** An event once more, as after an acknowledgement that was lost. */
  redeliver(event: HoldfastEvent): Promise<void>;
  request(service: RunningService, ask: Ask): Promise<{ status: number; body: unknown }>;
  /** Of the last request. */
  token_id(): string;
  /** The cases that the service has kept, by path. */
  cases(): LossCase[];
  told<Type extends EventType>(type: Type): Promise<HoldfastEvent<Type>[]>;
  /** Waits for so many events of a type. */
  waitFor<Type extends EventType>(type: Type, count?: number): Promise<HoldfastEvent<Type>[]>;
}

/** `root`: where the protected folder is, if not beside the data folder. */
export async function createWorld(
  options: { yaml?: Yaml; source?: object; root?: string } = {},
): Promise<World> {
  await using making = new AsyncDisposableStack();
  const base = making.use(tempDir()).path;
  const root = options.root ?? join(base, 'data');
  const data_dir = join(base, 'holdfast');
  fs.mkdirSync(root, { recursive: true });
  const paths = dataPaths(data_dir);
  const local = { location: paths.repository, key_file: paths.repository_key };
  const repository = making.use(await openOrCreate(local));
  const events = making.use(createMemoryStore());
  const config = HoldfastConfig.parse({
    host: HOST,
    data_dir,
    sources: { [SOURCE]: { root, ...options.source } },
    ...options.yaml,
  });
  const snapshots: Snapshot[] = [];
  const handlers: Handler[] = [];
  const overheard: MemoryStore = {
    ...events,
    consume(how, handler) {
      handlers.push(handler);
      return events.consume(how, handler);
    },
  };
  let token_id = '';
  const heard = new Map<string, HoldfastEvent[]>();
  const listener = await events.consume({ durable: 'test', kind: 'reactor', batch: 1000 }, async (batch) => {
    for (const { event } of batch) heard.getOrInsertComputed(event.type, () => []).push(event);
  });
  making.use(listener);
  const made = making.move();

  const heardOf = <Type extends EventType>(type: Type) => (heard.get(type) ?? []) as HoldfastEvent<Type>[];
  const told = async <Type extends EventType>(type: Type) => {
    const found: HoldfastEvent<Type>[] = [];
    for await (const { event } of events.read(1)) {
      if (event.type === type) found.push(event as HoldfastEvent<Type>);
    }
    return found;
  };
  return {
    root,
    data_dir,
    events,
    repository,
    snapshots,
    told,
    write(name, content) {
      const path = join(root, name);
      fs.mkdirSync(dirname(path), { recursive: true });
      fs.writeFileSync(path, content);
      return path;
    },
    async backup() {
      const metadata = () => ({ backup_id: `backup_20260101_000000_full_${snapshots.length + 1}` });
      const request = { host: HOST, source: SOURCE, roots: [root], metadata };
      const { snapshot } = await repository.backup(request);
      snapshots.push(snapshot);
      return snapshot;
    },
    start: async (overrides) => {
      const tokens = await events.keyValue(TOKENS_BUCKET);
      const http = { host: '127.0.0.1', port: 0 };
      const service_config = { config, data_dir, nats: { url: 'memory' }, http, version: '0' };
      const given = { log: silentLogger(), events: overheard, tokens, repository };
      return startRecovery(service_config, { ...given, ...overrides });
    },
    async tellDeleted(files) {
      const correlationid = newId(Date.now());
      const losses = [...files].map(([path, bytes]) =>
        newEvent(monitor, 'FileDeleted', { subject: path, correlationid, data: factsOf(path, bytes) }),
      );
      for (let at = 0; at < losses.length; at += 1000) await events.append(losses.slice(at, at + 1000));
    },
    async tellCorrupted(path, good, bad) {
      const judged = {
        reason: 'json' as const,
        detail: 'cut off',
        actual_checksum: sumOf(bad),
        actual_size: bad.length,
      };
      const data = { ...factsOf(path, good), ...judged };
      await events.append([newEvent(monitor, 'FileCorrupted', { subject: path, data })]);
    },
    async tellBackup(snapshot_id) {
      const manifest = manifestOf(snapshot_id);
      const subject = manifest.backup_id;
      await events.append([
        newEvent({ ...monitor, service: 'backup' }, 'BackupCreated', { subject, data: { manifest } }),
      ]);
    },
    async tellRetired(path) {
      const { detected_at: mtime, detected_by: _, ...facts } = factsOf(path, Buffer.alloc(0));
      const data = { ...facts, mtime, reason: 'allowed' as const };
      await events.append([newEvent(monitor, 'FileRetired', { subject: path, data })]);
    },
    async redeliver(event) {
      // The memory store knows ids itself; the service has to know them too.
      const stored = { event, bytes: Buffer.alloc(0), seq: 1, delivery: 2, received_at_ms: Date.now() };
      for (const handler of handlers) await handler([stored]);
    },
    token_id: () => token_id,
    async request(service, { get, post, body, role = 'backup_operator' }) {
      const tokens = await events.keyValue(TOKENS_BUCKET);
      const { token, record } = await issueToken(tokens, { name: role, role, now_ms: Date.now() });
      token_id = record.token_id;
      const headers = {
        authorization: `Bearer ${token}`,
        ...(post && { 'content-type': 'application/json' }),
      };
      const init = post ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
      const answer = await fetch(`${service.url}${post ?? get}`, init);
      return { status: answer.status, body: JSON.parse(await answer.text()) };
    },
    cases() {
      const db = new DatabaseSync(join(paths.service('recovery'), 'recovery.sqlite'), { readOnly: true });
      const rows = db.prepare('SELECT state FROM cases ORDER BY path').all() as { state: string }[];
      db.close();
      return rows.map(({ state }) => JSON.parse(state) as LossCase);
    },
    waitFor: (type, count = 1) =>
      eventually(() => heardOf(type).length >= count && heardOf(type), {
        what: `told ${type} ${count} times`,
        timeout_ms: 30_000,
      }),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

function manifestOf(snapshot_id: string): BackupManifest {
  const timestamp = new Date().toISOString();
  const stored = {
    files_backed_up: 1,
    total_size_bytes: 1,
    checksum: sumOf(Buffer.alloc(0)),
    compression: 'zstd' as const,
  };
  return {
    ...{
      backup_id: 'backup_20260101_000000_incremental',
      timestamp,
      backup_type: 'incremental',
      snapshot_id,
    },
    sources: [{ source: SOURCE, ...stored }],
    metadata: {
      hostname: HOST,
      git_commit: null,
      git_branch: null,
      system_version: '0',
      backup_duration_seconds: 0,
    },
    validation: { integrity_check: 'passed', restore_test: 'pending', verified_at: null },
    retention: { expires_at: null, tier: 'hot', archive_to_cold_storage_after: null },
    ...{ parent_backup_id: null, reason: 'on_change', encryption: 'AES-256-GCM', files_unreadable: [] },
    ...{ files_new: 1, files_changed: 0, files_removed: 0, bytes_read: 1, bytes_stored: 1 },
  };
}

function factsOf(path: string, bytes: Buffer) {
  const detected_at = new Date().toISOString();
  const loss = { host: HOST, source: SOURCE, path, detected_at, detected_by: 'watch' as const };
  return { ...loss, size: bytes.length, checksum: sumOf(bytes) };
}
