import { spawnSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { checksumOf } from './checksum.ts';
import { Lab } from './lab.ts';

describe('detectMissingFiles: a file that is gone', () => {
  test('is told at once, with the checksum that is wanted back', async () => {
    await using lab = await Lab.start({ files: { 'a.json': '{"a":1}', 'b.txt': 'b' } });
    unlinkSync(lab.path('a.json'));
    const event = await lab.until('FileDeleted', 'a.json');
    expect(event.data).toMatchObject({
      source: 'lab',
      size: 7,
      checksum: checksumOf('{"a":1}'),
      detected_by: 'watch',
    });
    expect(event.actor).toBe('unknown');
    expect(event.traceparent).toMatch(/^00-/);
  });

  test('is told below a root that is a symlink', async () => {
    await using lab = await Lab.start({ files: { 'd/a.txt': 'a' }, linked: true });
    unlinkSync(lab.path('d/a.txt'));
    expect((await lab.until('FileDeleted', 'd/a.txt')).data.detected_by).toBe('watch');
  });

  test('is told although its inode is given out again', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'the one' } });
    const before = statSync(lab.path('a.txt')).ino;
    spawnSync('sh', ['-c', 'rm a.txt; echo > b.txt'], { cwd: lab.root });
    await lab.until('FileDeleted', 'a.txt');
    await lab.until('FileRegistered', 'b.txt');
    expect([await lab.of('FileMoved'), before]).toEqual([[], expect.any(Number)]);
  });

  test('is told although its inode, size and times stand under another name: recovery makes such files', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'one' } });
    const script = [
      'touch -r a.txt ../times; rm a.txt',
      'printf two > b.txt; touch -r ../times b.txt; printf two > c.tmp; touch -r ../times c.tmp',
    ].join('; ');
    spawnSync('sh', ['-c', script], { cwd: lab.root });
    await lab.until('FileDeleted', 'a.txt');
    expect([await lab.of('FileMoved'), await lab.of('FileRetired')]).toEqual([[], []]);
  });

  test('is told although another link to it stands: a name is lost, nothing was moved', async () => {
    await using lab = new Lab({ files: { 'a.txt': 'one file' } });
    linkSync(lab.path('a.txt'), lab.path('b.txt'));
    await lab.start();
    unlinkSync(lab.path('a.txt'));
    await lab.until('FileDeleted', 'a.txt');
    expect(await lab.of('FileMoved')).toEqual([]);
  });

  test('is told although a copy of it has been there for long', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'the same', 'b.txt': 'the same' } });
    unlinkSync(lab.path('a.txt'));
    await lab.until('FileDeleted', 'a.txt');
    expect(await lab.storyOf('b.txt')).toEqual([]);
  });

  test('rm -rf of 5,000 files is 5,000 losses, each once, of one incident', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => `data/d${index % 50}/f${index}.json`);
    const files = Object.fromEntries(names.map((name) => [name, JSON.stringify({ name })]));
    await using lab = await Lab.start({ files });
    const groups = (await lab.of('FilesRegistered')).map(({ data }) => data.files.length);
    expect(groups.reduce((sum, size) => sum + size, 0)).toBe(5000);
    expect(groups.length).toBeLessThanOrEqual(10);
    rmSync(lab.path('data'), { recursive: true });
    await eventually(async () => (await lab.status()).files['missing'] === 5000, { timeout_ms: 30_000 });
    await lab.idle();
    const losses = await lab.of('FileDeleted');
    expect(losses.map(({ subject }) => subject).sort()).toEqual(names.map((name) => lab.path(name)).sort());
    expect(new Set(losses.map(({ correlationid }) => correlationid)).size).toBe(1);
    expect((await lab.status()).files).toMatchObject({ missing: 5000, present: 0 });
    const [summary] = await eventually(async () => {
      const told = await lab.of('PartialDeletionDetected');
      return told.some(({ data }) => data.ended_at !== undefined) ? told.toReversed() : undefined;
    });
    expect(summary?.correlationid).toBe(losses[0]?.correlationid);
    expect(summary?.data).toMatchObject({
      files_lost: 5000,
      folders: [{ folder: lab.path('data'), files_lost: 5000, files_known: 5000 }],
    });
  });

  test('a folder that lost most of its files is one incident with one summary, beside the event of each file', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `data/${index}.txt`);
    const others = Array.from({ length: 40 }, (_, index) => `other/${index}.txt`);
    const files = Object.fromEntries([...names, ...others].map((name) => [name, name]));
    await using lab = await Lab.start({ files });
    for (const name of names.slice(0, 15)) unlinkSync(lab.path(name));
    for (const name of others.slice(0, 5)) unlinkSync(lab.path(name));
    const [summary] = await eventually(async () => {
      const told = await lab.of('PartialDeletionDetected');
      return told.length > 0 ? told : undefined;
    });
    expect(summary?.data).toMatchObject({
      ...{ source: 'lab', files_lost: 20, ended_at: expect.any(String) },
      folders: [{ folder: lab.path('data'), files_lost: 15, files_known: 20 }],
    });
    const losses = await lab.of('FileDeleted');
    expect(losses.length).toBe(20);
    expect(new Set(losses.map(({ correlationid }) => correlationid))).toEqual(
      new Set([summary?.correlationid]),
    );
  });

  test('a folder that is moved out of the root is a loss of each file in it', async () => {
    await using lab = await Lab.start({ files: { 'd/a.txt': 'a', 'd/e/b.txt': 'b' } });
    spawnSync('mv', [lab.path('d'), `${lab.root}-elsewhere`]);
    await lab.until('FileDeleted', 'd/a.txt');
    await lab.until('FileDeleted', 'd/e/b.txt');
    expect((await lab.of('FileDeleted')).length).toBe(2);
    rmSync(`${lab.root}-elsewhere`, { recursive: true });
  });

  test('only people are asked where the source says `alert`, nobody where it says `ignore`', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'a' }, source: { on_delete: 'ignore' } });
    unlinkSync(lab.path('a.txt'));
    const event = await lab.until('FileRetired', 'a.txt');
    expect(event.data.reason).toBe('policy');
  });

  test('is no loss where it was allowed before, or is allowed afterwards', async () => {
    await using lab = await Lab.start({ files: { 'd/a.txt': 'a', 'b.txt': 'b' } });
    await lab.post('/api/monitor/allow-delete', { path: lab.path('d'), for_seconds: 60 });
    unlinkSync(lab.path('d/a.txt'));
    expect((await lab.until('FileRetired', 'd/a.txt')).data.reason).toBe('allowed');
    unlinkSync(lab.path('b.txt'));
    const loss = await lab.until('FileDeleted', 'b.txt');
    await lab.post('/api/monitor/allow-delete', { path: lab.path('b.txt') });
    expect((await lab.until('FileRetired', 'b.txt')).correlationid).toBe(loss.correlationid);
  });
});

describe('detectCorruptedFiles: a file that is damaged', () => {
  const good = JSON.stringify({
    messages: Array.from({ length: 50 }, (_, index) => ({ index, text: 'hola' })),
  });

  test.each([
    ['emptied', (): string => '', 'json', 'line 1 column 1: unexpected end'],
    ['truncated', (): string => good.slice(0, 200), 'json', /^line 1 column \d+: unexpected end$/],
    [
      'garbled',
      (): string => `\u0001\u0002${good.slice(2)}`,
      'json',
      'line 1 column 1: unexpected character',
    ],
  ] as const)('JSON that was %s', async (_how, content, reason, detail) => {
    await using lab = await Lab.start({ files: { 'a.json': good } });
    writeFileSync(lab.path('a.json'), content());
    const { data } = await lab.until('FileCorrupted', 'a.json');
    expect(data).toMatchObject({
      reason,
      checksum: checksumOf(good),
      actual_checksum: checksumOf(content()),
    });
    expect(data.detail).toMatch(detail);
    expect(await lab.storyOf('a.json')).toEqual(['FileCorrupted']);
  });

  test('another file that collapsed', async () => {
    await using lab = await Lab.start({
      files: { 'notes.txt': 'x'.repeat(5000), 'a.log': 'y'.repeat(5000) },
    });
    truncateSync(lab.path('a.log'), 0);
    truncateSync(lab.path('notes.txt'), 0);
    expect((await lab.until('FileCorrupted', 'notes.txt')).data).toMatchObject({
      reason: 'size',
      size: 5000,
    });
    await lab.until('FileModified', 'a.log');
    expect(await lab.storyOf('a.log')).toEqual(['FileModified']);
  });

  test('is judged only when its writer is done', async () => {
    await using lab = await Lab.start({ files: { 'a.json': good } });
    const writer = openSync(lab.path('a.json'), 'w');
    writeSync(writer, good.slice(0, 100));
    await lab.marked();
    expect(await lab.storyOf('a.json')).toEqual([]);
    writeSync(writer, good.slice(100).replace('hola', 'adios'));
    closeSync(writer);
    await lab.until('FileModified', 'a.json');
    expect(await lab.storyOf('a.json')).toEqual(['FileModified']);
  });

  test('is told when its writer leaves it unfinished', async () => {
    await using lab = await Lab.start({ files: { 'a.json': good } });
    const writer = openSync(lab.path('a.json'), 'w');
    writeSync(writer, good.slice(0, 100));
    await lab.marked();
    closeSync(writer);
    await lab.until('FileCorrupted', 'a.json');
    expect(await lab.storyOf('a.json')).toEqual(['FileCorrupted']);
  });

  test('in pieces by a program that opens it anew each time is not judged in between', async () => {
    await using lab = await Lab.start({ files: { 'a.json': good } });
    const pieces = Array.from({ length: 20 }, (_, index) =>
      good.slice(index * 100, index * 100 + 100),
    ).filter(Boolean);
    const script = pieces.map(
      (_, index) =>
        `printf %s "$${index < 9 ? index + 1 : `{${index + 1}}`}" ${index === 0 ? '>' : '>>'} a.json; sleep 0.03`,
    );
    spawnSync('sh', ['-c', script.join('\n'), 'sh', ...pieces], { cwd: lab.root });
    await lab.settled();
    expect((await lab.storyOf('a.json')).filter((type) => type === 'FileCorrupted')).toEqual([]);
  });

  test('at first sight is registered as suspect: no good version is known', async () => {
    await using lab = await Lab.start({ files: { 'a.json': '{"cut":' } });
    const { items } = (await lab.get('/api/monitor/files?state=suspect')) as { items: { path: string }[] };
    expect(items.map(({ path }) => path)).toEqual([lab.path('a.json')]);
    expect(await lab.of('FileCorrupted')).toEqual([]);
    mkdirSync(lab.path('d'));
    lab.write({ 'a.json': '{}' });
    await lab.until('FileModified', 'a.json');
    expect((await lab.status()).files).toMatchObject({ suspect: 0, present: 1 });
  });
});
