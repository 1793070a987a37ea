/** Losses of one source and kind belong together while no more than this lies between them. */
const QUIET_GAP_MS = 1000;

interface Incident {
  readonly id: string;
  readonly last_ms: number;
}

/** The incidents that are going on, by source and kind. */
export type Incidents = ReadonlyMap<string, Incident>;

/** The incident that a loss belongs to: the one going on, or a new one under `new_id`. */
export function joinIncident(
  incidents: Incidents,
  loss: { source: string; kind: string; now_ms: number; new_id: () => string },
): { id: string; incidents: Incidents } {
  const key = `${loss.kind}:${loss.source}`;
  const running = incidents.get(key);
  const continues = running !== undefined && loss.now_ms - running.last_ms < QUIET_GAP_MS;
  const id = continues ? running.id : loss.new_id();
  return { id, incidents: new Map(incidents).set(key, { id, last_ms: loss.now_ms }) };
}
