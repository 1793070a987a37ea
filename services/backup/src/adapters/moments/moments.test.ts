import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { silentLogger } from '@holdfast/runtime/logger';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { describe, expect, test } from '@jest/globals';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import type { BackupState } from '../state.ts';
import { type Arrival, createMoments, type Participant } from './moments.ts';

type Status = Pick<BackupRun, 'status' | 'error'>;
const RUNNING: Status = { status: 'running', error: null };
const QUIET: Arrival = { changed: 0, paths: [] };
const BUSY: Arrival = { changed: 1, paths: ['/log'] };
const never = new AbortController().signal;

/** A group of sources, of which a test says how far each is. */
function group(names: readonly string[]) {
  const status = new Map(names.map((name) => [name, RUNNING]));
  const clock = fakeClock();
  const runOf = (source: string) => ({ source, group: 'g', ...status.get(source) }) as BackupRun;
  const state = { runs: { open: () => [...status.keys()].map(runOf) } } as unknown as BackupState;
  const context = { clock, log: silentLogger() } as unknown as ServiceContext;
  const moments = createMoments({ context, state });
  const join = (source: string, signal = never) => moments.join(runOf(source), signal) as Participant;
  return { clock, join, status, moments };
}

/** What came of an arrival by now. */
async function soFar(arriving: Promise<boolean>): Promise<boolean | 'waits'> {
  const turn = new Promise<'waits'>((resolve) => setImmediate(() => resolve('waits')));
  return Promise.race([arriving, turn]);
}

describe('the sources of a group', () => {
  test('wait for each other before each pass, and are through when one finds nothing changed', async () => {
    const { join } = group(['a', 'b']);
    const [a, b] = [join('a'), join('b')];
    const first = a.arrive(BUSY);
    expect(await soFar(first)).toBe('waits');
    expect(await Promise.all([first, b.arrive(QUIET)])).toEqual([true, true]);
    expect(await Promise.all([a.arrive(BUSY), b.arrive(QUIET)])).toEqual([true, true]);
    expect(await Promise.all([a.arrive(QUIET), b.arrive(QUIET)])).toEqual([false, false]);
    expect(a.facts()).toMatchObject({ group_id: 'g', sources: ['a', 'b'], settled: true, passes: 3 });
    expect(b.facts().at_ms).toBe(a.facts().at_ms);
  });

  test('are frozen while nobody reads: all go on only when the slowest is frozen', async () => {
    const { join } = group(['a', 'b']);
    const [a, b] = [join('a'), join('b')];
    const frozen = Promise.withResolvers<void>();
    const reading = a.arrive(QUIET);
    const freezing = b.arrive({ ...QUIET, freeze: () => frozen.promise });
    expect(await soFar(reading)).toBe('waits');
    frozen.resolve();
    expect(await Promise.all([reading, freezing])).toEqual([true, true]);
  });

  test('go on without one that cannot be frozen, and without one that failed', async () => {
    const { join, status } = group(['a', 'b', 'c']);
    const [a, b, c] = [join('a'), join('b'), join('c')];
    const freeze = async () => {
      throw new Error('no room');
    };
    const arrivals = [a.arrive(QUIET), b.arrive({ ...QUIET, freeze })];
    arrivals[1]?.catch(() => undefined);
    status.set('c', { status: 'retrying', error: { code: 'internal', message: 'no' } });
    c[Symbol.dispose]();
    await expect(arrivals[1]).rejects.toThrow('no room');
    expect(await arrivals[0]).toBe(true);
    status.delete('b');
    b[Symbol.dispose]();
    expect(await a.arrive(QUIET)).toBe(false);
    expect(a.facts().sources).toEqual(['a']);
  });

  test('do not wait for a slow one for ever; that one has a moment of its own', async () => {
    const { join, clock } = group(['a', 'slow']);
    const [a, slow] = [join('a'), join('slow')];
    const first = a.arrive(QUIET);
    clock.advance(599_000);
    expect(await soFar(first)).toBe('waits');
    clock.advance(1_000);
    expect(await first).toBe(true);
    expect(await a.arrive(QUIET)).toBe(false);
    clock.advance(5_000);
    expect(await slow.arrive(QUIET)).toBe(true);
    expect(await slow.arrive(QUIET)).toBe(false);
    expect(slow.facts().sources).toEqual(['slow']);
    expect(slow.facts().at_ms).toBeGreaterThan(a.facts().at_ms);
  });

  test('that come in the middle are frozen or read once more, like all others', async () => {
    const { join, clock } = group(['a', 'late']);
    const [a, late] = [join('a'), join('late')];
    const first = a.arrive(QUIET);
    clock.advance(600_000);
    expect(await first).toBe(true);
    const second = late.arrive(QUIET);
    expect(await soFar(second)).toBe('waits');
    expect(await Promise.all([a.arrive(QUIET), second])).toEqual([true, true]);
    expect(await Promise.all([a.arrive(QUIET), late.arrive(QUIET)])).toEqual([false, false]);
    expect(late.facts().sources).toEqual(['a', 'late']);
  });

  test('wait no longer for one that comes to the others while they are frozen', async () => {
    const { join, clock } = group(['a', 'slow', 'late']);
    const [a, slow, late] = [join('a'), join('slow'), join('late')];
    const frozen = Promise.withResolvers<void>();
    const first = [a.arrive({ ...QUIET, freeze: () => frozen.promise }), slow.arrive(QUIET)];
    clock.advance(600_000);
    const third = late.arrive(QUIET);
    frozen.resolve();
    expect(await Promise.all(first)).toEqual([true, true]);
    const again = a.arrive(QUIET);
    expect(await soFar(again)).toBe('waits');
    clock.advance(600_000);
    expect(await Promise.all([again, third])).toEqual([true, true]);
  });

  test('wait no more for one whose run ended before it began', async () => {
    const { join, status, moments } = group(['a', 'cancelled']);
    const first = join('a').arrive(QUIET);
    expect(await soFar(first)).toBe('waits');
    status.delete('cancelled');
    moments.look('g');
    moments.look('another');
    expect(await first).toBe(true);
  });

  test('are told when files never stand still', async () => {
    const { join } = group(['a']);
    const a = join('a');
    let passes = 0;
    while (await a.arrive(BUSY)) passes += 1;
    expect(passes).toBe(8);
    expect(a.facts()).toMatchObject({ settled: false, changing: ['/log'] });
  });

  test('may begin again after they were through', async () => {
    const { join } = group(['a']);
    const a = join('a');
    expect([await a.arrive(QUIET), await a.arrive(QUIET)]).toEqual([true, false]);
    expect([await a.arrive(QUIET), await a.arrive(QUIET)]).toEqual([true, false]);
  });

  test('are let go when the service stops, and nothing is left that waits', async () => {
    const { join, clock } = group(['a', 'b']);
    const stopping = new AbortController();
    const a = join('a', stopping.signal);
    const waiting = a.arrive(QUIET);
    stopping.abort(new Error('stop'));
    await expect(waiting).rejects.toThrow('stop');
    a[Symbol.dispose]();
    clock.advance(600_000);
  });
});

test('a run without a group takes part in nothing', () => {
  const { moments } = group([]);
  expect(moments.join({ source: 'a', group: null } as BackupRun, never)).toBeNull();
});
