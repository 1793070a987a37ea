import { setImmediate as giveWay } from 'node:timers/promises';
import { durableName, EVENTS_STREAM } from '@holdfast/contracts/subjects';
import type { Consumer, Handler } from '@holdfast/event-store/event-store';
import { newEvent } from '@holdfast/event-store/new-event';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { EventLog } from '../adapters/event-log.ts';
import { isBeyondRepair } from '../adapters/sqlite-failure.ts';
import { adaptSlice, FIRST_SLICE_EVENTS, nextSlice } from '../domain/entry/slices.ts';
import type { Rewound } from '../domain/position/position.ts';
import type { AuditMetrics } from '../metrics.ts';

export interface Projection {
  readonly consumer: Consumer;
  /** Why the last batch could not be written; null while all is well. */
  failure(): string | null;
}

type Deps = Pick<ServiceContext, 'events' | 'origin' | 'host' | 'log'> & {
  readonly entries: EventLog;
  readonly metrics: AuditMetrics;
  /** Called where trying again is no use. */
  readonly giveUp: (error: unknown) => void;
};

const BATCH = 500;

/** Writes every event of the stream to the log. An error stops it there, and it is tried again from the same place. */
export async function onEvent(deps: Deps): Promise<Projection> {
  let failure: string | null = null;
  const write = createWriter(deps);
  const handler: Handler = async (events) => {
    try {
      await write(events);
      failure = null;
    } catch (error) {
      failure = Error.isError(error) ? error.message : String(error);
      if (isBeyondRepair(error)) deps.giveUp(error);
      throw error;
    }
  };
  const durable = durableName('audit', deps.host, 'log');
  const consumer = await deps.events.consume({ durable, kind: 'projection', batch: BATCH }, handler);
  return { consumer, failure: () => failure };
}

/** Slice by slice, each a transaction; other work gets its turn between. */
function createWriter(deps: Deps): Handler {
  let events_max = FIRST_SLICE_EVENTS;
  return async (events) => {
    for (let from = 0; from < events.length; ) {
      const slice = nextSlice(events, from, events_max);
      const start_ms = performance.now();
      const appended = deps.entries.append(slice);
      const took_ms = performance.now() - start_ms;
      deps.metrics.appended(appended, took_ms / 1000);
      events_max = adaptSlice(events_max, slice.length, took_ms);
      from += slice.length;
      if (appended.rewound !== null) await tellRewound(deps, appended.rewound);
      if (from < events.length) await giveWay();
    }
  };
}

/** The log is right whether this can be told or not, so that a failure here does not stop it. */
async function tellRewound({ events, origin, log }: Deps, rewound: Rewound): Promise<void> {
  log.error(rewound, 'the event stream was rewound: sequences are given out again');
  const data = { stream: EVENTS_STREAM, refilled: 0, ...rewound };
  try {
    await events.append([newEvent(origin, 'EventStoreRewound', { subject: EVENTS_STREAM, data })]);
  } catch (error) {
    log.error({ err: error }, 'EventStoreRewound not published');
  }
}
