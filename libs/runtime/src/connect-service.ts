import type { ServiceName } from '@holdfast/contracts/catalog';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { TOKENS_BUCKET } from '@holdfast/contracts/subjects';
import { connectEventStore, type JetStreamStore } from '@holdfast/event-store/jetstream-store';
import type { KeyValue } from '@holdfast/event-store/key-value';
import type { Registry } from 'prom-client';
import { type Clock, systemClock } from './clock.ts';
import { createLogger, type Logger } from './logger.ts';
import { createRegistry } from './metrics.ts';
import type { ServiceConfig } from './service.ts';
import { startTelemetry } from './telemetry.ts';

/** What every service stands on. Disposing closes what `connectService` opened, and nothing that was given. */
export interface ServiceContext extends AsyncDisposable {
  readonly config: HoldfastConfig;
  readonly service_config: ServiceConfig;
  readonly host: string;
  readonly name: ServiceName;
  /** Absolute; a service keeps its own files under `dataPaths(data_dir).service(name)`. */
  readonly data_dir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  readonly events: JetStreamStore;
  readonly tokens: KeyValue;
  /** Who speaks in the events of this service: the first argument of `newEvent`. */
  readonly origin: { readonly host: string; readonly service: ServiceName; readonly clock: Clock };
}

/**
 * Connects one service: telemetry, log, metrics, NATS, tokens. What `overrides` holds is used as it is (tests give a
 * memory store, a silent log, a clock). Rejects with `nats_unreachable` or `nats_not_durable`.
 */
export async function connectService(
  service_config: ServiceConfig,
  name: ServiceName,
  overrides: Partial<ServiceContext> = {},
): Promise<ServiceContext> {
  const { config } = service_config;
  const clock = overrides.clock ?? systemClock;
  const log = overrides.log ?? createLogger({ name, level: config.telemetry.log_level });
  await using opened = new AsyncDisposableStack();
  opened.use(
    await startTelemetry({ service: name, host: config.host, endpoint: config.telemetry.otlp_endpoint }),
  );
  const origin = { host: config.host, service: name, clock };
  const events =
    overrides.events ?? opened.use(await connectEventStore({ ...service_config.nats, name, log, origin }));
  const tokens = overrides.tokens ?? (await events.keyValue(TOKENS_BUCKET));
  const held = opened.move();
  return {
    config,
    service_config,
    host: config.host,
    name,
    data_dir: service_config.data_dir,
    clock,
    log,
    registry: overrides.registry ?? createRegistry({ service: name, host: config.host }),
    events,
    tokens,
    origin,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
