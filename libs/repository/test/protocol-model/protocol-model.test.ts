import { describe, expect, test } from '@jest/globals';
import { RULES, type Rules } from './rules.ts';
import { type PrunerPlan, type Scenario, searchOf, type WriterPlan } from './scenarios.ts';
import { search } from './search.ts';
import { get, PROCESSES, type Process, type State, type Tree } from './state.ts';
import { DONE, SPENT, TRY, USED } from './writer.ts';

/** `HOLDFAST_MODEL=full` searches through the large scenarios too: minutes, and some GB of memory. */
const IS_FULL = process.env['HOLDFAST_MODEL'] === 'full';
const TIMEOUT_MS = IS_FULL ? 1_800_000 : 120_000;

/** Chunk 0 is the node, chunk 1 is known only to who has read the node. */
const TREE: Tree = { node: 1, leaves: 2 };
const OTHER_NODE: Tree = { node: 4, leaves: 2 };
const NODE_ALONE: Tree = { node: 1, leaves: 0 };
const ALL = 3;
const NODE = 1;

function writer(own: number, more: Partial<WriterPlan> = {}): WriterPlan {
  return { tree: TREE, own, packs: 1, tries: 1, ...more };
}

/** Without choices it goes for any pack, and for all. */
function pruner(...choices: number[]): PrunerPlan {
  return { copies: false, ...(choices.length > 0 && { choices }) };
}

function copier(...choices: number[]): PrunerPlan {
  return { ...pruner(...choices), copies: true };
}

/** Two packs that a backup left which was cut short: one with the node, one with the leaf. */
const LEFT_OVERS = { old: [], packs: [1, 2], writers: [], pruners: [], revocations: 0, forgets: 0 };
/** One snapshot, all of it in one pack. */
const ONE_SNAPSHOT = { ...LEFT_OVERS, old: [TREE], packs: [ALL] };
const FORGOTTEN = { ...ONE_SNAPSHOT, forgets: 1 };

const SMALL: [string, Scenario][] = [
  [
    'a writer, a pruner, a revoker, forget',
    { ...FORGOTTEN, writers: [writer(ALL, { tries: 3, packs: 2 })], pruners: [pruner()], revocations: 2 },
  ],
  [
    'the same, and the node is carried over',
    { ...FORGOTTEN, writers: [writer(2, { tries: 2, packs: 2 })], pruners: [pruner()], revocations: 1 },
  ],
  [
    'snapshots that are put twice, or late',
    {
      ...FORGOTTEN,
      writers: [writer(NODE, { tries: 2 })],
      pruners: [pruner()],
      revocations: 1,
      faults: 'late',
    },
  ],
  [
    'a pruner that copies',
    { ...FORGOTTEN, writers: [writer(NODE, { tries: 2, packs: 2 })], pruners: [copier()], revocations: 1 },
  ],
  ['two pruners', { ...FORGOTTEN, writers: [writer(ALL, { packs: 0 })], pruners: [pruner(), pruner()] }],
  [
    'two pruners, one of whom copies',
    { ...LEFT_OVERS, writers: [writer(ALL, { packs: 0 })], pruners: [copier(), pruner()] },
  ],
  ['two writers', { ...FORGOTTEN, writers: [writer(ALL), writer(ALL)], pruners: [pruner()] }],
];

const LARGE: [string, Scenario][] = [
  [
    'two writers, a pruner that copies, a revoker, forget',
    {
      ...FORGOTTEN,
      writers: [writer(ALL, { tries: 2 }), writer(ALL)],
      pruners: [copier()],
      revocations: 1,
    },
  ],
  [
    'a writer, two pruners that copy, forget',
    { ...FORGOTTEN, writers: [writer(ALL)], pruners: [copier(), copier()] },
  ],
  [
    'a writer, two pruners, the tree in two packs',
    { ...FORGOTTEN, packs: [1, 2], writers: [writer(ALL, { packs: 2 })], pruners: [pruner(), pruner()] },
  ],
];

const SCENARIOS = IS_FULL ? [...SMALL, ...LARGE] : SMALL;

/** What is turned round, and the smallest scenario in which that loses data. */
const MUTATIONS: [string, Partial<Rules>, Scenario][] = [
  [
    'a writer lists the marks before it puts its pending object',
    { pendingBeforeMarks: false },
    { ...FORGOTTEN, writers: [writer(ALL)], pruners: [pruner()] },
  ],
  [
    'a writer reads the index after the marks',
    { writerIndexBeforeMarks: false },
    {
      ...LEFT_OVERS,
      writers: [writer(ALL, { packs: 0 }), writer(NODE, { tree: NODE_ALONE })],
      pruners: [pruner(1), pruner(2)],
    },
  ],
  [
    'a writer stores its node after it has listed the marks',
    { storesBefore: 'commit' },
    { ...FORGOTTEN, old: [OTHER_NODE], packs: [6], writers: [writer(NODE)], pruners: [pruner()] },
  ],
  [
    'a writer takes the shortcut though there are new marks',
    { shortcutHeedsMarks: false },
    { ...FORGOTTEN, writers: [writer(ALL)], pruners: [pruner()] },
  ],
  [
    'a writer takes the shortcut though it does not know whether its parent is held',
    { shortcutHeedsBase: false },
    { ...FORGOTTEN, writers: [writer(NODE)], pruners: [pruner()] },
  ],
  [
    'a writer does not look at what it carries over',
    { checkCarried: false },
    { ...FORGOTTEN, writers: [writer(NODE)], pruners: [pruner()] },
  ],
  [
    'a writer does not list the marks again after it has stored again',
    { marksAgain: false },
    { ...LEFT_OVERS, writers: [writer(ALL)], pruners: [pruner(1), pruner(2)] },
  ],
  [
    'a writer takes a revocation for its snapshot',
    { heedRevocation: false },
    { ...FORGOTTEN, writers: [writer(ALL, { tries: 2 })], pruners: [], revocations: 1 },
  ],
  [
    'a put whose outcome is not known is simply repeated',
    { lookAfterUnknown: false },
    {
      ...LEFT_OVERS,
      packs: [ALL],
      writers: [writer(ALL, { packs: 0 })],
      pruners: [pruner(0), pruner(1)],
      forgets: 1,
      faults: 'unknown',
    },
  ],
  [
    'a writer removes its pending object before it commits',
    { pendingUntilCommit: false },
    { ...FORGOTTEN, writers: [writer(ALL)], pruners: [pruner()] },
  ],
  [
    'a writer removes the pending object of a put whose outcome it does not know',
    { pendingOfUnknownStays: false },
    {
      ...LEFT_OVERS,
      packs: [ALL],
      writers: [writer(ALL, { tries: 2 })],
      pruners: [pruner()],
      faults: 'late',
    },
  ],
  [
    'a pruner deletes by what it saw before it set its marks',
    { secondLook: false },
    { ...FORGOTTEN, writers: [writer(ALL)], pruners: [pruner()] },
  ],
  [
    'a pruner lists the marks before it sets its own',
    { prunerMarksFirst: false },
    { ...ONE_SNAPSHOT, packs: [ALL, ALL], pruners: [pruner(1), pruner(2)] },
  ],
  [
    'a pruner lists the snapshots before the pending objects',
    { pendingBeforeSnapshots: false },
    { ...FORGOTTEN, writers: [writer(ALL)], pruners: [pruner()] },
  ],
  [
    'a pruner does not ask what pending objects reach',
    { heedPending: false },
    { ...FORGOTTEN, writers: [writer(ALL)], pruners: [pruner()] },
  ],
  [
    'a pruner counts on packs that are marked',
    { distrustMarked: false },
    { ...ONE_SNAPSHOT, packs: [ALL, ALL], pruners: [pruner(1), pruner(2)] },
  ],
  [
    'a pruner indexes its copies after it has deleted',
    { copyIndexedFirst: false },
    { ...ONE_SNAPSHOT, pruners: [copier()] },
  ],
  [
    'a pruner removes its marks',
    { marksStay: false },
    { ...FORGOTTEN, writers: [writer(ALL)], pruners: [pruner()] },
  ],
  [
    'a pruner removes pending objects whose place is free',
    { pendingUntilTaken: false },
    { ...LEFT_OVERS, packs: [ALL], writers: [writer(ALL, { packs: 0 })], pruners: [pruner(0), pruner(1)] },
  ],
  [
    'a pruner does not read the index again where a node is missing',
    { readAgain: false },
    { ...LEFT_OVERS, writers: [writer(ALL, { packs: 0 })], pruners: [copier(1), pruner(2)] },
  ],
  [
    'a revoker overwrites what stands',
    { revokeIfAbsent: false },
    { ...LEFT_OVERS, packs: [], writers: [writer(ALL)], pruners: [], revocations: 1 },
  ],
];

/** What the protocol leaves open: no loss was found either way. */
const FREE_CHOICES: [string, Partial<Rules>][] = [
  ['a writer always looks', { shortcut: false }],
  ['a writer puts its pending object before it stores', { storesBefore: 'marks' }],
  ['a pruner reads the index before the pending objects', { prunerIndexLast: false }],
  ['a pruner revokes a writer whose node it cannot find', { lostPending: 'revoke' }],
];

describe('every interleaving, with a crash anywhere, loses nothing', () => {
  test.each(SCENARIOS)(
    '%s',
    (_, scenario) => {
      const { trace, states } = search(searchOf(scenario));
      expect(trace).toBeUndefined();
      expect(states).toBeGreaterThan(500);
    },
    TIMEOUT_MS,
  );

  test.each(SCENARIOS.slice(0, 3))(
    '%s, with writers that name their new packs early',
    (_, scenario) => {
      expect(search(searchOf({ ...scenario, hints: true })).trace).toBeUndefined();
    },
    TIMEOUT_MS,
  );

  test.each(FREE_CHOICES)(
    '%s',
    (_, rules) => {
      for (const [, scenario] of SCENARIOS.slice(1, 4)) {
        expect(search(searchOf(scenario, { ...RULES, ...rules })).trace).toBeUndefined();
      }
    },
    TIMEOUT_MS,
  );
});

describe('each rule is needed', () => {
  test.each(MUTATIONS)(
    'data is lost where %s',
    (_, rules, scenario) => {
      expect(search(searchOf(scenario, { ...RULES, ...rules })).trace?.at(-1)).toContain('LOSS');
    },
    TIMEOUT_MS,
  );
});

/** Whether a writer that nobody disturbs any more gets its snapshot done; undefined where the model gives it too few ids. */
function finishesAlone(
  state: State,
  process: Process,
  of: { tries: number; packs: number },
): boolean | undefined {
  const at = PROCESSES;
  const has_room = of.tries - get(state, at + TRY) > 2 && of.packs - get(state, at + USED) >= 2;
  if (!has_room || get(state, at) === SPENT) return undefined;
  let alone = state;
  for (let steps = 0; steps < 50 && get(alone, at) !== DONE; steps += 1) {
    const [move] = process(alone);
    if (move === undefined) return false;
    alone = move.next;
  }
  return get(alone, at) === DONE;
}

describe('whatever others did', () => {
  test(
    'a writer that runs alone from then on commits, under its third id at the latest',
    () => {
      const of = { tries: 4, packs: 4 };
      const scenario = { ...FORGOTTEN, writers: [writer(NODE, of)], pruners: [pruner()], revocations: 1 };
      const searched = searchOf(scenario);
      const [process] = searched.processes;
      let asked = 0;
      const wrong = (state: State) => {
        const finishes = process && finishesAlone(state, process, of);
        if (finishes !== undefined) asked += 1;
        return finishes === false ? 'it does not finish' : undefined;
      };
      expect(search({ ...searched, wrong }).trace).toBeUndefined();
      expect(asked).toBeGreaterThan(1000);
    },
    TIMEOUT_MS,
  );
});
