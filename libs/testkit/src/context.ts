import type { ServiceName } from '@holdfast/contracts/catalog';
import { HoldfastConfig } from '@holdfast/contracts/config';
import { TOKENS_BUCKET } from '@holdfast/contracts/subjects';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { connectService, type ServiceContext } from '@holdfast/runtime/connect-service';
import { silentLogger } from '@holdfast/runtime/logger';

export interface TestContextOptions extends Partial<ServiceContext> {
  name: ServiceName;
  data_dir: string;
  /** Parts of holdfast.yaml; the host is `test-host` unless it says otherwise. */
  yaml?: Partial<(typeof HoldfastConfig)['_zod']['input']>;
}

/** What a service stands on, in memory: the event store's twin and no log; each part may be given instead. */
export async function testContext({
  name,
  data_dir,
  yaml,
  ...given
}: TestContextOptions): Promise<ServiceContext> {
  const config = HoldfastConfig.parse({ host: 'test-host', data_dir, ...yaml });
  const events = given.events ?? createMemoryStore();
  return connectService(
    {
      config,
      data_dir,
      nats: { url: 'memory' },
      http: { host: '127.0.0.1', port: 0 },
      version: '0.0.0-test',
    },
    name,
    { log: silentLogger(), ...given, events, tokens: given.tokens ?? (await events.keyValue(TOKENS_BUCKET)) },
  );
}
