import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { checksumOf } from './checksum.ts';
import { Lab } from './lab.ts';

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`d${i % 9}/f${i}.txt`, `content ${i}`]));

describe('while the monitor was down', () => {
  test('what was lost, changed, damaged, moved and made is found in the first walk', async () => {
    await using lab = await Lab.start({
      files: {
        'gone.txt': 'gone',
        'edited.json': '{"a":1}',
        'bad.json': '{"b":1}',
        'same.txt': 's',
        'old/name.txt': 'n',
      },
    });
    await lab.stop();
    const before = (await lab.told()).length;
    unlinkSync(lab.path('gone.txt'));
    renameSync(lab.path('old'), lab.path('new'));
    lab.write({ 'edited.json': '{"a":2}', 'bad.json': '{"b":', 'made.txt': 'made' });
    await lab.start();
    await lab.idle();
    const told = (await lab.told()).slice(before);
    expect(told.map(({ type, subject }) => `${type} ${subject.slice(lab.root.length + 1)}`).sort()).toEqual([
      'FileCorrupted bad.json',
      'FileDeleted gone.txt',
      'FileModified edited.json',
      'FileMoved new/name.txt',
      'FileRegistered made.txt',
    ]);
    expect((await lab.until('FileDeleted', 'gone.txt')).data.detected_by).toBe('scan');
  });

  test('what was told before is not told again', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'a', 'b.json': '{}' } });
    unlinkSync(lab.path('a.txt'));
    lab.write({ 'b.json': '{' });
    await lab.until('FileDeleted', 'a.txt');
    await lab.until('FileCorrupted', 'b.json');
    await lab.stop();
    const before = (await lab.told()).length;
    await lab.start();
    await lab.idle();
    expect((await lab.told()).slice(before)).toEqual([]);
  });
});

// Runs while our own loop stands still: 40,000 events of others fill the queue of the kernel, then the losses come.
const NOISE_THEN_LOSSES = `
  const { closeSync, openSync, readdirSync, rmSync, unlinkSync } = require('node:fs');
  for (let count = 0; count < 20000; count++) {
    closeSync(openSync('noise', 'w'));
    unlinkSync('noise');
  }
  for (const folder of readdirSync('.')) rmSync(folder, { recursive: true });`;

describe('while it could not look', () => {
  test('a stalled loop: the overflow is told, and every loss is found', async () => {
    await using lab = await Lab.start({ files: many(500) });
    execFileSync(process.execPath, ['--eval', NOISE_THEN_LOSSES], { cwd: lab.root, stdio: 'pipe' });
    await eventually(async () => (await lab.of('FileDeleted')).length >= 500, { timeout_ms: 30_000 });
    await lab.idle();
    expect((await lab.of('FileDeleted')).length).toBe(500);
    const gaps = await eventually(async () => {
      const told = await lab.of('WatchGapDetected');
      return told.some(({ data }) => data.reconciled_at !== undefined) && told;
    });
    // The late timer may tell it before the queue is read.
    expect(gaps[0]?.data).toMatchObject({
      root: lab.root,
      reason: expect.stringMatching(/overflow|late_timer/),
    });
  });
});

describe('a root that goes away', () => {
  test('is told as such, nothing in it is lost, and it is compared when it is back', async () => {
    await using lab = await Lab.start({ files: many(30) });
    renameSync(lab.root, `${lab.root}-away`);
    await eventually(async () => (await lab.of('WatchRootLost')).length === 1);
    rmSync(join(`${lab.root}-away`, 'd0'), { recursive: true });
    renameSync(`${lab.root}-away`, lab.root);
    await eventually(async () => (await lab.of('WatchRootLost')).length === 2);
    await eventually(async () => (await lab.of('FileDeleted')).length === 4);
    await lab.idle();
    expect((await lab.of('FileDeleted')).every(({ subject }) => subject.startsWith(lab.path('d0/')))).toBe(
      true,
    );
    // It is watched again.
    unlinkSync(lab.path('d1/f1.txt'));
    await lab.until('FileDeleted', 'd1/f1.txt');
  });
});

describe('what recovery does', () => {
  async function recovered(lab: Lab, name: string, content: string): Promise<void> {
    const loss = (await lab.of('FileDeleted')).at(-1) ?? (await lab.of('FileCorrupted')).at(-1);
    if (loss === undefined || lab.context === undefined) throw new Error('nothing was lost');
    const { newEvent } = await import('@holdfast/event-store/new-event');
    const origin = { host: lab.context.host, service: 'recovery' as const, clock: lab.context.clock };
    const event = newEvent(origin, 'FileRecovered', {
      subject: lab.path(name),
      cause: loss,
      data: {
        recovery_id: 'r1',
        host: lab.context.host,
        source: 'lab',
        path: lab.path(name),
        tried: [],
        lost_at: loss.data.detected_at,
        strategy: 'latest_backup',
        backup_id: null,
        snapshot_id: null,
        checksum: checksumOf(content),
        bytes: content.length,
        exact: false,
        quarantined_to: null,
        duration_ms: 1,
        steps_ms: {},
      },
    });
    await lab.events.append([event]);
  }

  test('its own put-back is no change, whichever version it is', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'the newest' } });
    unlinkSync(lab.path('a.txt'));
    await lab.until('FileDeleted', 'a.txt');
    writeFileSync(lab.path('.holdfast-01.tmp'), 'an older one');
    renameSync(lab.path('.holdfast-01.tmp'), lab.path('a.txt'));
    await recovered(lab, 'a.txt', 'an older one');
    await lab.settled();
    expect(await lab.storyOf('a.txt')).toEqual(['FileDeleted', 'FileRecovered']);
    expect((await lab.status()).files).toMatchObject({ missing: 0 });
    unlinkSync(lab.path('a.txt'));
    await eventually(async () => (await lab.storyOf('a.txt')).length === 3);
    expect((await lab.of('FileDeleted')).at(-1)?.data.checksum).toBe(checksumOf('an older one'));
  });

  test('the wanted bytes close a case silently, other good ones as a change', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'wanted', 'b.txt': 'wanted too' } });
    unlinkSync(lab.path('a.txt'));
    unlinkSync(lab.path('b.txt'));
    await lab.until('FileDeleted', 'a.txt');
    await lab.until('FileDeleted', 'b.txt');
    lab.write({ 'a.txt': 'wanted', 'b.txt': 'something else' });
    await lab.until('FileModified', 'b.txt');
    await lab.settled();
    expect(await lab.storyOf('a.txt')).toEqual(['FileDeleted']);
    expect((await lab.status()).files).toMatchObject({ missing: 0 });
  });
});
