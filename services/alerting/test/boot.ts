import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { HoldfastConfig } from '@holdfast/contracts/config';
import { TOKENS_BUCKET } from '@holdfast/contracts/subjects';
import type { Role } from '@holdfast/contracts/tokens';
import { createMemoryStore, type MemoryStore } from '@holdfast/event-store/memory-store';
import { newEvent, newId } from '@holdfast/event-store/new-event';
import { issueToken } from '@holdfast/http/tokens';
import { systemClock } from '@holdfast/runtime/clock';
import { silentLogger } from '@holdfast/runtime/logger';
import { eventually } from '@holdfast/testkit/wait-for';
import { type AlertingOverrides, startAlerting } from '../src/service.ts';

type AlertsYaml = NonNullable<(typeof HoldfastConfig)['_zod']['input']['alerts']>;

const HOST = 'web1';
const CHECKSUM = `sha256:${'a'.repeat(64)}`;
/** Of every loss that tests tell of. */
export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const monitor = { host: HOST, service: 'monitor' as const, clock: systemClock };
const recovery = { host: HOST, service: 'recovery' as const, clock: systemClock };

/** Tries that follow each other at once. */
export const IMPATIENT = { attempts_max: 4, base_ms: 20, wait_max_ms: 40 };

/** Boots alerting over the memory twin; the store outlives it, so that it can be booted again. */
export async function bootAlerting(
  data_dir: string,
  alerts: AlertsYaml,
  given: { store?: MemoryStore; overrides?: AlertingOverrides } = {},
) {
  const store = given.store ?? createMemoryStore();
  const sources = {
    conversations: { root: '/srv', priority: 'critical' as const },
    logs: { root: '/srv', priority: 'low' as const },
  };
  const config = HoldfastConfig.parse({ host: HOST, data_dir, sources, alerts });
  const service_config = {
    config,
    data_dir,
    nats: { url: 'memory' },
    http: { host: '127.0.0.1', port: 0 },
    version: '0.0.0-test',
  };
  const tokens = await store.keyValue(TOKENS_BUCKET);
  const service = await startAlerting(service_config, {
    log: silentLogger(),
    events: store as never,
    tokens,
    retry: IMPATIENT,
    ...given.overrides,
  });
  return {
    service,
    store,
    tokens,
    url: service.url,
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

/** All events of a type that are in the store. */
export async function eventsOf<Type extends HoldfastEvent['type']>(store: MemoryStore, type: Type) {
  const found: HoldfastEvent<Type>[] = [];
  for await (const { event } of store.read(1))
    if (event.type === type) found.push(event as unknown as HoldfastEvent<Type>);
  return found;
}

/** Resolves once there are so many of a type. */
export function eventsAre<Type extends HoldfastEvent['type']>(store: MemoryStore, type: Type, count: number) {
  return eventually(async () => {
    const found = await eventsOf(store, type);
    return found.length >= count && found;
  });
}

/** The monitor tells of a loss. */
export function deleted(path: string, correlationid = newId(Date.now()), source = 'conversations') {
  const detected_at = new Date().toISOString();
  const facts = { host: HOST, source, path, size: 20, checksum: CHECKSUM };
  const data = { ...facts, detected_at, detected_by: 'watch' as const };
  return newEvent(monitor, 'FileDeleted', {
    subject: path,
    correlationid,
    data,
    actor: 'unknown',
    traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`,
  });
}

/** Recovery tells of its end. */
export function recovered(loss: HoldfastEvent<'FileDeleted'>, duration_ms = 18) {
  const { host, source, path, checksum, size, detected_at } = loss.data;
  return newEvent(recovery, 'FileRecovered', {
    subject: path,
    cause: loss,
    data: {
      recovery_id: newId(Date.now()),
      host,
      source,
      path,
      tried: [],
      lost_at: detected_at,
      strategy: 'latest_backup',
      backup_id: null,
      snapshot_id: null,
      checksum,
      bytes: size,
      exact: true,
      quarantined_to: null,
      duration_ms,
      steps_ms: {},
    },
  });
}

/** Recovery gives up. */
export function failed(loss: HoldfastEvent<'FileDeleted'>, message = 'no good version is known') {
  const { host, source, path, detected_at } = loss.data;
  const facts = { recovery_id: newId(Date.now()), host, source, path, tried: [], lost_at: detected_at };
  const data = { ...facts, error: { code: 'no_good_version', message } };
  return newEvent(recovery, 'RecoveryFailed', { subject: path, cause: loss, data });
}

/** Asks over HTTP with a token of the role. */
export async function asker(booted: { url: string; tokens: Parameters<typeof issueToken>[0] }, role: Role) {
  const { token } = await issueToken(booted.tokens, { name: role, role, now_ms: Date.now() });
  return (method: string, path: string, body?: object) =>
    fetch(`${booted.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
}
