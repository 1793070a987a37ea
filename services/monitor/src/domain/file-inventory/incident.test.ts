import { expect, test } from '@jest/globals';
import { type Incidents, joinIncident } from './incident.ts';

/** Ids of the incidents that losses at these times belong to. */
function idsAt(times: number[], sourceOf = (_index: number) => 's'): string[] {
  let incidents: Incidents = new Map();
  return times.map((now_ms, index) => {
    const joined = joinIncident(incidents, {
      source: sourceOf(index),
      kind: 'missing',
      now_ms,
      new_id: () => `i${index}`,
    });
    incidents = joined.incidents;
    return joined.id;
  });
}

test('losses with less than a second between them are one incident, however long it goes on', () => {
  expect(idsAt([0, 900, 1800, 2700])).toEqual(['i0', 'i0', 'i0', 'i0']);
});

test('a quiet second ends the incident', () => {
  expect(idsAt([0, 1000])).toEqual(['i0', 'i1']);
});

test('each source has its own', () => {
  expect(idsAt([0, 1, 2], (index) => (index === 1 ? 'other' : 's'))).toEqual(['i0', 'i1', 'i0']);
});
