import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { durableName, eventFilter } from '@holdfast/contracts/subjects';
import type { Consumer, EventStore } from '@holdfast/event-store/event-store';
import { look } from '../adapters/file-stat.ts';
import type { FileRegistry } from '../adapters/registry.ts';
import { acceptAbsence, recoverFile } from '../domain/file-inventory/decide.ts';
import type { Inspector } from '../inspection/inspector.ts';
import type { Ledger } from '../inspection/ledger.ts';

interface Deps {
  readonly registry: FileRegistry;
  readonly ledger: Ledger;
  readonly inspector: Inspector;
}

/** Closes cases: FileRecovered and RecoverySuperseded of this host. Telling it twice changes nothing. */
export function consumeOutcomes(
  events: Pick<EventStore, 'consume'>,
  host: string,
  deps: Deps,
): Promise<Consumer> {
  const filters = [eventFilter('FileRecovered', host), eventFilter('RecoverySuperseded', host)];
  const durable = durableName('monitor', host, 'outcomes');
  return events.consume({ durable, filters, kind: 'reactor' }, async (batch) => {
    deps.ledger.commit(batch.map(({ event }) => closeCase(event, deps)));
    for (const { event } of batch) deps.inspector.lookAgain(event.subject);
  });
}

function closeCase(event: HoldfastEvent, { registry }: Deps) {
  const row = registry.get(event.subject);
  if (event.type === 'FileRecovered') {
    const { checksum, lost_at } = event.data;
    return recoverFile(row, { checksum, lost_at_ms: Date.parse(lost_at) });
  }
  const over = event.type === 'RecoverySuperseded' && look(event.subject).kind === 'absent';
  return acceptAbsence(over ? row : undefined, { lost_at_ms: over ? Date.parse(event.data.lost_at) : 0 });
}
