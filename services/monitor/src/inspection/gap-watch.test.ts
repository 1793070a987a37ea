import { silentLogger } from '@holdfast/runtime/logger';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, expect, test } from '@jest/globals';
import { GapWatch } from './gap-watch.ts';

const opened: GapWatch[] = [];
afterEach(() => {
  for (const gaps of opened.splice(0)) gaps.stop();
});

/** A gap watch over a reconciliation that may itself report; what it told, with the times of its ends. */
function watchGaps(reconcile: (gaps: GapWatch) => void = () => undefined) {
  const told: string[] = [];
  const gaps = new GapWatch({
    host: 'h',
    clock: fakeClock(),
    log: silentLogger(),
    ledger: {
      tell: (
        _type: string,
        _subject: string,
        { data }: { data: { reason: string; reconciled_at?: string } },
      ) => void told.push(`${data.reason} ${data.reconciled_at === undefined ? 'began' : 'over'}`),
    } as never,
    roots: () => ['/srv'],
    reconcile: async () => reconcile(gaps),
    fail: (error) => {
      throw error;
    },
  });
  opened.push(gaps);
  return { gaps, told };
}

test('a gap is told when it is noticed and when everything was compared', async () => {
  const { gaps, told } = watchGaps();
  gaps.report('overflow', '');
  await eventually(() => told.length === 2);
  expect(told).toEqual(['overflow began', 'overflow over']);
});

test('what comes meanwhile is compared too, under the same gap', async () => {
  let rounds = 0;
  const { gaps, told } = watchGaps((open) => {
    rounds += 1;
    if (rounds === 1) open.report('late_timer', '');
  });
  gaps.report('overflow', '');
  await eventually(() => told.length === 2);
  expect([rounds, gaps.count]).toEqual([2, 1]);
});

test('a limit that is reached again at each attempt ends all the same, and is told once', async () => {
  const { gaps, told } = watchGaps((open) => open.report('enospc', ''));
  gaps.report('enospc', '');
  await eventually(() => told.length === 2);
  gaps.report('enospc', '');
  expect([told, gaps.count]).toEqual([['enospc began', 'enospc over'], 1]);
});
