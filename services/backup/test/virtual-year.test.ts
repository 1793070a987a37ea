import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { type Booted, boot, facts, type Place, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';
import { DAY, HOUR, schedule } from './support/scheduled.ts';

/** The whole year takes some minutes: HOLDFAST_VIRTUAL_FROM=2026-01. It begins with a month, which ends with the year. */
const FROM = process.env['HOLDFAST_VIRTUAL_FROM'] ?? '2026-12';
const START = Date.parse(`${FROM}-01T00:30:00.000Z`) - HOUR;
const END = Date.parse('2026-12-31T23:30:00.000Z');
/** Requirements 4.2. */
const rotation = {
  hourly: { enabled: true, keep_count: 24, backup_type: 'incremental' },
  daily: { enabled: true, keep_count: 7, backup_type: 'full' },
  weekly: { enabled: true, keep_count: 4, backup_type: 'full', day: 'sunday' },
  monthly: { enabled: true, keep_count: 12, backup_type: 'full', day: 1 },
  yearly: { enabled: true, keep_count: 5, backup_type: 'snapshot' },
} as const;

interface Item {
  readonly timestamp: string;
  readonly backup_type: string;
  readonly reason: string;
  readonly sources: readonly { readonly source: string }[];
}

const minute = (time_ms: number) => new Date(time_ms).toISOString().slice(0, 16);
/** Hours of the time from the newest back. */
const hoursBack = Array.from({ length: (END - START) / HOUR }, (_, back) => END - back * HOUR);
const isEdit = (time_ms: number) => new Date(time_ms).getUTCHours() % 6 === 0;
const isDeployment = (time_ms: number) =>
  new Date(time_ms).getUTCHours() === 9 && new Date(time_ms).getUTCDay() === 1;
const months = [...new Set(hoursBack.map((time_ms) => minute(time_ms).slice(0, 7)))];

/** The newest time of each month on its first day; where it has none, the newest of all its days. */
function monthly(newest_first: readonly number[]): string[] {
  return months.flatMap((month) => {
    const times = newest_first.map(minute).filter((time) => time.startsWith(month));
    return times.find((time) => time.startsWith(`${month}-01`)) ?? times[0] ?? [];
  });
}

function sorted(...parts: readonly (readonly string[])[]): string[] {
  return [...new Set(parts.flat())].sort();
}

function booted(at: Place, clock: ReturnType<typeof fakeClock>): Promise<Booted> {
  return boot(at, {
    repository: memoryRepository(),
    sources: {
      conversations: { root: at.root, paths: ['*.json'], backup_frequency: 'hourly' },
      prices: { root: at.root, paths: ['prices/'], priority: 'critical', backup_frequency: 'on_change' },
    },
    yaml: { time_zone: 'UTC', schedule, rotation },
    overrides: { clock },
  });
}

/** What was asked for and what was made since the last look; looking again costs only what is new. */
function follow(booted: Booted) {
  const open = new Set<string>();
  let made = 0;
  let next_seq = 1;
  const look = async () => {
    for await (const { event, seq } of booted.context.events.read(next_seq)) {
      next_seq = seq + 1;
      if (event.type === 'BackupRequested') open.add(event.subject);
      if (event.type === 'BackupCreated') open.delete(event.subject);
      if (event.type === 'BackupCreated') made += 1;
    }
  };
  return {
    /** Resolves when nothing that was asked for is left to be done, and nothing is due. */
    quiet: async () => {
      await eventually(async () => {
        const is_nothing_due = await isNothingDue(booted);
        await look();
        return is_nothing_due && open.size === 0;
      });
      return made;
    },
    madeMoreThan: async (count: number) => {
      await eventually(async () => {
        await look();
        return made > count;
      });
    },
  };
}

async function list(backup: Booted, source: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `source=${source}&limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page: { body: { items: Item[]; next_cursor: string | null } } = await backup.call(
      'GET',
      `/api/backup?${query}`,
    );
    items.push(...page.body.items);
    cursor = page.body.next_cursor;
  }
  return items;
}

async function isNothingDue({ call, context }: Booted): Promise<boolean> {
  const { body } = await call<{ items: { next_at: string | null }[] }>('GET', '/api/backup/schedules');
  return body.items.every(({ next_at }) => next_at === null || Date.parse(next_at) > context.clock.now_ms());
}

test('virtual year: scheduler, runner, catalog and cleaner end with exactly the backups that the rotation allows', async () => {
  using at = place();
  at.write('a.json', '{"a":1}');
  at.write('prices/list.json', '{"n":0}');
  const clock = fakeClock(START);
  await using backup = await booted(at, clock);
  const { quiet, madeMoreThan } = follow(backup);
  await madeMoreThan(1);
  while (clock.now_ms() < END) {
    clock.advance(HOUR);
    const now_ms = clock.now_ms();
    const before = await quiet();
    if (isEdit(now_ms)) {
      const path = at.write('prices/list.json', `{"n":${now_ms}}`);
      await backup.tell('FileModified', facts(path, 'prices'), path);
      await madeMoreThan(before);
    }
    if (!isDeployment(now_ms)) continue;
    const wish = { reason: 'before_deployment', sources: ['prices'], wait: true };
    expect(await backup.call('POST', '/api/backup', wish)).toMatchObject({ status: 201 });
  }
  expect(await backup.call('POST', '/api/backup/cleanup', {})).toMatchObject({ status: 200 });

  const regular = (await list(backup, 'conversations')).map(
    ({ timestamp, backup_type, reason }) => `${timestamp.slice(0, 16)} ${backup_type} ${reason}`,
  );
  const full = (time: string) => `${time.slice(0, 10)}T02:30 full schedule`;
  const days = Array.from({ length: 7 }, (_, back) => minute(END - back * DAY));
  // The week of the 31st has no Sunday yet: its newest stays until it has one.
  const weeks = ['2026-12-31', '2026-12-27', '2026-12-20', '2026-12-13'];
  expect(regular.sort()).toEqual(
    sorted(
      [`${minute(START)} full first`],
      hoursBack.slice(0, 24).map((time_ms) => `${minute(time_ms)} incremental schedule`),
      [...days, ...weeks, ...months.map((month) => `${month}-01`)].map(full),
    ),
  );

  const prices = await list(backup, 'prices');
  const timesOf = (reason: string) =>
    prices.filter((item) => item.reason === reason).map(({ timestamp }) => timestamp.slice(0, 16));
  const edits = hoursBack.filter(isEdit);
  // One a minute for sixty minutes in which there was one; Sundays of weeks; first days of months.
  expect(timesOf('on_change').sort()).toEqual(
    sorted(edits.slice(0, 60).map(minute), ['2026-12-13T18:30'], monthly(edits)),
  );
  const deployments = hoursBack.filter(isDeployment);
  expect(timesOf('before_deployment').sort()).toEqual(
    sorted(deployments.slice(0, 24).map(minute), monthly(deployments)),
  );
}, 1_200_000);
