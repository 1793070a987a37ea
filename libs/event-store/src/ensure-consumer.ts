import type { ConsumerConfig } from '@nats-io/jetstream';
import { filterFields, type Stores } from './stream-reader.ts';

export interface WantedConsumer {
  readonly stream: string;
  readonly durable: string;
  readonly filters?: readonly string[] | undefined;
  readonly config: Partial<ConsumerConfig>;
}

const sorted = (filters: readonly string[]) => JSON.stringify(filters.toSorted());

/** Makes a durable consumer, or gives the one that is there the filters and limits of this version; it goes on where it was. */
export async function ensureConsumer({ link, manager }: Stores, wanted: WantedConsumer): Promise<void> {
  const { stream, durable, filters = [] } = wanted;
  const config = { ...wanted.config, durable_name: durable, ...filterFields(filters) };
  await link.untilLost(`consumer ${durable}`, async () => {
    const found = await configOf({ link, manager }, stream, durable);
    if (found === undefined) return manager.consumers.add(stream, config);
    const { filter_subject, filter_subjects = filter_subject === undefined ? [] : [filter_subject] } = found;
    const max_ack_pending = config.max_ack_pending ?? found.max_ack_pending ?? -1;
    const same_limit = max_ack_pending === (found.max_ack_pending ?? -1);
    if (same_limit && sorted(filter_subjects) === sorted(filters)) return found;
    return manager.consumers.update(stream, durable, {
      filter_subject: '',
      filter_subjects: [],
      max_ack_pending,
      ...filterFields(filters),
    });
  });
}

async function configOf(
  { manager }: Stores,
  stream: string,
  durable: string,
): Promise<ConsumerConfig | undefined> {
  try {
    const { config } = await manager.consumers.info(stream, durable);
    return config;
  } catch (error) {
    if (Error.isError(error) && error.name === 'ConsumerNotFoundError') return undefined;
    throw error;
  }
}
