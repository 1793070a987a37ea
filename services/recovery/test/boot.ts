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
// Long enough for five thousand files on a machine that has much else to do.
const WAIT_MS = 100_000;
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
export class World implements AsyncDisposable {
  /** The protected folder. */
  readonly root: string;
  readonly data_dir: string;
  readonly repository: Repository;
  readonly events: MemoryStore;
  readonly snapshots: Snapshot[] = [];
  readonly #config: HoldfastConfig;
  readonly #made: AsyncDisposableStack;
  readonly #handlers: Handler[] = [];
  readonly #heard = new Map<string, HoldfastEvent[]>();
  /** Of the last request. */
  token_id = '';

  constructor(
    parts: Pick<World, 'root' | 'data_dir' | 'repository' | 'events'>,
    yaml: Yaml,
    made: AsyncDisposableStack,
  ) {
    this.root = parts.root;
    this.data_dir = parts.data_dir;
    this.repository = parts.repository;
    this.events = parts.events;
    this.#config = HoldfastConfig.parse({ host: HOST, data_dir: parts.data_dir, ...yaml });
    this.#made = made;
  }

  /** Hears all that is told. */
  async listen(): Promise<this> {
    const how = { durable: 'test', kind: 'reactor', batch: 1000 } as const;
    const listener = await this.events.consume(how, async (batch) => {
      for (const { event } of batch) this.#heard.getOrInsertComputed(event.type, () => []).push(event);
    });
    this.#made.use(listener);
    return this;
  }

  write(name: string, content: string | Buffer): string {
    const path = join(this.root, name);
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, content);
    return path;
  }

  async backup(): Promise<Snapshot> {
    const metadata = () => ({ backup_id: `backup_20260101_000000_full_${this.snapshots.length + 1}` });
    const request = { host: HOST, source: SOURCE, roots: [this.root], metadata };
    const { snapshot } = await this.repository.backup(request);
    this.snapshots.push(snapshot);
    return snapshot;
  }

  async start(overrides: RecoveryOverrides = {}): Promise<RunningService> {
    const { events, repository, data_dir } = this;
    const overheard: MemoryStore = {
      ...events,
      consume: (how, handler) => {
        this.#handlers.push(handler);
        return events.consume(how, handler);
      },
    };
    const tokens = await events.keyValue(TOKENS_BUCKET);
    const http = { host: '127.0.0.1', port: 0 };
    const service_config = { config: this.#config, data_dir, nats: { url: 'memory' }, http, version: '0' };
    const given = { log: silentLogger(), events: overheard, tokens, repository };
    return startRecovery(service_config, { ...given, ...overrides });
  }

  /** What the monitor would say of files that stood there with these bytes: one incident. */
  async tellDeleted(files: ReadonlyMap<string, Buffer>): Promise<void> {
    const correlationid = newId(Date.now());
    const losses = [...files].map(([path, bytes]) =>
      newEvent(monitor, 'FileDeleted', { subject: path, correlationid, data: factsOf(path, bytes) }),
    );
    for (let at = 0; at < losses.length; at += 1000) await this.events.append(losses.slice(at, at + 1000));
  }

  async tellCorrupted(path: string, good: Buffer, bad: Buffer): Promise<void> {
    const judged = { actual_checksum: sumOf(bad), actual_size: bad.length };
    const data = { ...factsOf(path, good), reason: 'json' as const, detail: 'cut off', ...judged };
    await this.events.append([newEvent(monitor, 'FileCorrupted', { subject: path, data })]);
  }

  /** A backup was made: the event that tells it. */
  async tellBackup(snapshot_id: string): Promise<void> {
    const manifest = manifestOf(snapshot_id);
    const fields = { subject: manifest.backup_id, data: { manifest } };
    await this.events.append([newEvent({ ...monitor, service: 'backup' }, 'BackupCreated', fields)]);
  }

  /** The absence of a file became allowed. */
  async tellRetired(path: string): Promise<void> {
    const { detected_at: mtime, detected_by: _, ...facts } = factsOf(path, Buffer.alloc(0));
    const data = { ...facts, mtime, reason: 'allowed' as const };
    await this.events.append([newEvent(monitor, 'FileRetired', { subject: path, data })]);
  }

  /** An event once more, as after an acknowledgement that was lost. */
  async redeliver(event: HoldfastEvent): Promise<void> {
    const stored = { event, bytes: Buffer.alloc(0), seq: 1, delivery: 2, received_at_ms: Date.now() };
    for (const handler of this.#handlers) await handler([stored]);
  }

  async request(service: RunningService, ask: Ask): Promise<{ status: number; body: unknown }> {
    const { get, post, body, role = 'backup_operator' } = ask;
    const tokens = await this.events.keyValue(TOKENS_BUCKET);
    const { token, record } = await issueToken(tokens, { name: role, role, now_ms: Date.now() });
    this.token_id = record.token_id;
    const headers = { authorization: `Bearer ${token}`, ...(post && { 'content-type': 'application/json' }) };
    const init = post ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
    const answer = await fetch(`${service.url}${post ?? get}`, init);
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  }

  /** The cases that the service has kept, by path. */
  cases(): LossCase[] {
    const file = join(dataPaths(this.data_dir).service('recovery'), 'recovery.sqlite');
    const db = new DatabaseSync(file, { readOnly: true });
    const rows = db.prepare('SELECT state FROM cases ORDER BY path').all() as { state: string }[];
    db.close();
    return rows.map(({ state }) => JSON.parse(state) as LossCase);
  }

  /** All events of a type, as the store has them. */
  async told<Type extends EventType>(type: Type): Promise<HoldfastEvent<Type>[]> {
    const found: HoldfastEvent<Type>[] = [];
    for await (const { event } of this.events.read(1)) {
      if (event.type === type) found.push(event as HoldfastEvent<Type>);
    }
    return found;
  }

  /** Waits for so many events of a type. */
  waitFor<Type extends EventType>(type: Type, count = 1): Promise<HoldfastEvent<Type>[]> {
    const heard = () => (this.#heard.get(type) ?? []) as HoldfastEvent<Type>[];
    const what = `told ${type} ${count} times`;
    return eventually(() => heard().length >= count && heard(), { what, timeout_ms: WAIT_MS });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#made.disposeAsync();
  }
}

/** `root`: where the protected folder is, if not beside the data folder; `source`: what its source says more. */
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
  const yaml = { sources: { [SOURCE]: { root, ...options.source } }, ...options.yaml };
  return new World({ root, data_dir, repository, events }, yaml, making.move()).listen();
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
