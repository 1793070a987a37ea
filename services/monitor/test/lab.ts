import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import type { MonitorStatus } from '@holdfast/contracts/http/monitor';
import type { JetStreamStore } from '@holdfast/event-store/jetstream-store';
import { createMemoryKeyValue } from '@holdfast/event-store/key-value';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { RunningService } from '@holdfast/runtime/service';
import { testContext } from '@holdfast/testkit/context';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { startMonitor } from '../src/service.ts';

export interface LabOptions {
  /** The root is a symlink to the folder. */
  linked?: boolean;
  /** Files that stand before the monitor starts, below the protected folder. */
  files?: Record<string, string>;
  source?: Record<string, unknown>;
  /** More sources, each over the same folder. */
  others?: Record<string, Record<string, unknown>>;
  monitor?: Record<string, unknown>;
  events?: JetStreamStore;
}

/** Most tests are about something else than reading everything again. */
const NO_SCRUB = { scrub: { enabled: false } };

/** A protected folder with a monitor that can be stopped and started again; all events that it told. */
export class Lab implements AsyncDisposable {
  readonly #temp = tempDir();
  #options: LabOptions;
  readonly #tokens = createMemoryKeyValue();
  readonly root: string;
  readonly events: JetStreamStore;
  service: RunningService | undefined;
  context: ServiceContext | undefined;

  constructor(options: LabOptions = {}) {
    this.#options = options;
    this.root = join(this.#temp.path, 'root');
    this.events = options.events ?? (createMemoryStore() as JetStreamStore);
    if (options.linked) {
      mkdirSync(`${this.root}-real`);
      symlinkSync(`${this.root}-real`, this.root);
    } else mkdirSync(this.root);
    this.write(options.files ?? {});
  }

  static async start(options: LabOptions = {}): Promise<Lab> {
    const lab = new Lab(options);
    await lab.start();
    return lab;
  }

  /** More of the settings of the monitor, from the next start on. */
  monitor(more: Record<string, unknown>): void {
    this.#options = { ...this.#options, monitor: { ...this.#options.monitor, ...more } };
  }

  /** More of the source, from the next start on. */
  source(more: Record<string, unknown>): void {
    this.#options = { ...this.#options, source: { ...this.#options.source, ...more } };
  }

  async start(): Promise<void> {
    const source = { root: this.root, priority: 'critical', ...this.#options.source };
    const context = await testContext({
      name: 'monitor',
      data_dir: join(this.#temp.path, 'data'),
      events: this.events,
      // On a real server only audit may write tokens.
      tokens: this.#tokens,
      yaml: {
        sources: { lab: source, ...this.#others() },
        monitor: { ...NO_SCRUB, ...this.#options.monitor },
      } as never,
    });
    this.context = context;
    this.service = await startMonitor(context.service_config, context);
    await this.toldAll();
  }

  #others(): Record<string, object> {
    const others = Object.entries(this.#options.others ?? {});
    return Object.fromEntries(others.map(([name, source]) => [name, { root: this.root, ...source }]));
  }

  async stop(): Promise<void> {
    await this.service?.[Symbol.asyncDispose]();
    this.service = undefined;
  }

  /**
   * Rot, as far as the monitor can see it: the bytes are others than those registered, and no stat changed. The kernel lets
   * nobody write so; the registry is told other bytes instead. While the monitor is stopped.
   */
  rot(name: string, registered: string): void {
    using db = new DatabaseSync(join(this.#temp.path, 'data', 'monitor', 'registry.sqlite'));
    const checksum = `sha256:${createHash('sha256').update(registered).digest('hex')}`;
    db.prepare("UPDATE files SET checksum = ?, state = 'present' WHERE path = ?").run(
      checksum,
      this.path(name),
    );
  }

  path(name: string): string {
    return join(this.root, name);
  }

  write(files: Record<string, string>): void {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(this.path(name)), { recursive: true });
      writeFileSync(this.path(name), content);
    }
  }

  /** Everything told, in order. */
  async told(): Promise<HoldfastEvent[]> {
    const events: HoldfastEvent[] = [];
    for await (const { event } of this.events.read(1)) events.push(event);
    return events;
  }

  async of<Type extends EventType>(type: Type): Promise<HoldfastEvent<Type>[]> {
    return (await this.told()).filter((event) => event.type === type) as HoldfastEvent<Type>[];
  }

  /** What was told of a file: types, in order. */
  async storyOf(name: string): Promise<string[]> {
    const events = await this.told();
    return events.filter(({ subject }) => subject === this.path(name)).map(({ type }) => type);
  }

  /** Waits until a type was told of a file. */
  async until<Type extends EventType>(type: Type, name: string): Promise<HoldfastEvent<Type>> {
    return eventually(async () => (await this.of(type)).find(({ subject }) => subject === this.path(name)), {
      what: `${type} of ${name}`,
    });
  }

  /** Writes a file and waits until it is known: what came before it and has settled has been looked at. */
  async marked(): Promise<void> {
    this.#marks += 1;
    const name = `settled-${this.#marks}.txt`;
    this.write({ [name]: `mark ${this.#marks}` });
    await this.until('FileRegistered', name);
  }

  /** Waits until names were compared so many times more. */
  async checks(times: number): Promise<void> {
    const ended = async () => ((await this.get('/api/monitor/status')) as MonitorStatus).last_walk?.ended_at;
    for (let time = 0; time < times; time += 1) {
      const before = await ended();
      await eventually(async () => (await ended()) !== before, { what: 'another walk' });
    }
  }

  /** Waits until all that came before is decided. */
  async settled(): Promise<void> {
    await this.marked();
    await this.idle();
  }

  /** Waits until nothing is left to be judged. */
  async idle(): Promise<void> {
    await eventually(async () => (await this.status()).pending === 0, { timeout_ms: 30_000, what: 'idle' });
    await this.toldAll();
  }

  async toldAll(): Promise<void> {
    await eventually(async () => (await this.status()).unpublished === 0, { what: 'published' });
  }

  async status(): Promise<{
    pending: number;
    unpublished: number;
    gaps: number;
    files: Record<string, number>;
  }> {
    return (await this.get('/api/monitor/status')) as never;
  }

  async get(path: string): Promise<unknown> {
    const reply = await fetch(`${this.service?.url}${path}`, {
      headers: { authorization: `Bearer ${await this.token()}` },
    });
    return reply.json();
  }

  async post(path: string, body: unknown): Promise<unknown> {
    const headers = { authorization: `Bearer ${await this.token()}`, 'content-type': 'application/json' };
    const reply = await fetch(`${this.service?.url}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return reply.json();
  }

  async token(): Promise<string> {
    this.#token ??= await this.#issue();
    return this.#token;
  }

  async #issue(): Promise<string> {
    const { issueToken } = await import('@holdfast/http/tokens');
    return (await issueToken(this.#tokens, { name: 'lab', role: 'admin', now_ms: Date.now() })).token;
  }

  #marks = 0;
  #token: string | undefined;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#temp[Symbol.dispose]();
  }
}
