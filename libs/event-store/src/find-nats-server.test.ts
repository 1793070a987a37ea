import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { findNatsServer, isNewEnough } from './find-nats-server.ts';

function fakeServer(folder: string, version: string): string {
  const path = join(folder, 'nats-server');
  writeFileSync(path, `#!/bin/sh\necho nats-server: v${version}\n`);
  chmodSync(path, 0o755);
  return path;
}

test.each([
  ['2.14.0', true],
  ['2.15.1', true],
  ['3.0.0', true],
  ['2.13.9', false],
  ['2.9.10', false],
])('version %s is new enough: %s', (version, expected) => {
  expect(isNewEnough(version)).toBe(expected);
});

test('the one that is named comes first, and PATH is passed over where it is too old', async () => {
  using named = tempDir();
  using old = tempDir();
  using good = tempDir();
  const [first, second] = [fakeServer(named.path, '2.14.0'), fakeServer(good.path, '2.16.0')];
  fakeServer(old.path, '2.10.27');
  const PATH = `${old.path}:${good.path}`;
  expect(await findNatsServer({ HOLDFAST_NATS_SERVER: first, PATH })).toEqual({
    path: first,
    version: '2.14.0',
  });
  expect(await findNatsServer({ PATH })).toEqual({ path: second, version: '2.16.0' });
});

test('one that is named and does not do is an error: nothing else is taken in its place', async () => {
  using old = tempDir();
  const HOLDFAST_NATS_SERVER = fakeServer(old.path, '2.10.27');
  await expect(findNatsServer({ HOLDFAST_NATS_SERVER })).rejects.toMatchObject({ code: 'nats_missing' });
});
