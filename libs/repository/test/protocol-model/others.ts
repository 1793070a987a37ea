import type { Rules } from './rules.ts';
import {
  bitsOf,
  type Change,
  FREE,
  get,
  idsWith,
  LATE,
  type Move,
  PENDING,
  PLACE,
  type Process,
  REVOCATION,
  SNAPSHOT,
  type State,
  TOMBSTONES,
  withChanges,
} from './state.ts';

/** Takes the place of any id that is pending, at any time, so many times. Its byte counts them. */
export function createRevoker(setup: { at: number; times: number; rules: Rules }): Process {
  const { at, times, rules } = setup;
  return (state) => {
    if (get(state, at) >= times) return [];
    const open = rules.revokeIfAbsent ? get(state, PENDING) & idsWith(state, FREE) : get(state, PENDING);
    return bitsOf(open).map((id) =>
      move(state, () => `somebody revokes ${id}`, [
        [PLACE + id, REVOCATION],
        [at, get(state, at) + 1],
      ]),
    );
  };
}

/** Forgets any snapshot that stands, at any time, so many times: a tombstone, then it goes. Its bytes: how many, and which one is going. */
export function createForgetter(setup: { at: number; times: number }): Process {
  const { at, times } = setup;
  return (state) => {
    const going = get(state, at + 1);
    if (going > 0) {
      const id = going - 1;
      return [
        move(state, () => `somebody removes snapshot ${id}`, [
          [PLACE + id, FREE],
          [at + 1, 0],
        ]),
      ];
    }
    if (get(state, at) >= times) return [];
    return bitsOf(idsWith(state, SNAPSHOT)).map((id) =>
      move(state, () => `somebody puts a tombstone for ${id}`, [
        [TOMBSTONES, get(state, TOMBSTONES) | (1 << id)],
        [at, get(state, at) + 1],
        [at + 1, id + 1],
      ]),
    );
  };
}

/** A put of a snapshot that its writer has given up on arrives after all, or finds the place taken. */
export const network: Process = (state) =>
  bitsOf(get(state, LATE)).map((id) => {
    const landed: Change[] = get(state, PLACE + id) === FREE ? [[PLACE + id, SNAPSHOT]] : [];
    return move(state, () => `the late put of ${id} arrives`, [
      ...landed,
      [LATE, get(state, LATE) & ~(1 << id)],
    ]);
  });

function move(state: State, what: () => string, changes: readonly Change[]): Move {
  return { what, next: withChanges(state, changes) };
}
