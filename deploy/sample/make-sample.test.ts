import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inactiveKeys, loadConfig } from '@holdfast/runtime/config';
import { compileSources, sourcesOf } from '@holdfast/runtime/source-match';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { makeSample, sampleFiles } from './make-sample.ts';

const file = new URL('holdfast.yaml', import.meta.url).pathname;

test('some 2,000 files, the same every time; what is there is left as it is', async () => {
  using dir = tempDir();
  const target = join(dir.path, 'sample');
  const { files } = await makeSample(target);
  expect(files).toBeGreaterThan(1900);
  expect(files).toBeLessThan(2100);
  const { session_id, messages } = JSON.parse(readFileSync(join(target, 'kb_populated_0001.json'), 'utf8'));
  expect([session_id.startsWith('ses_00001_'), messages.length > 8]).toEqual([true, true]);
  expect(sampleFiles()).toEqual(sampleFiles());
  rmSync(join(target, '.env'));
  expect(await makeSample(target)).toEqual({ files: 0 });
  expect(existsSync(join(target, '.env'))).toBe(false);
  expect(readdirSync(dir.path)).toEqual(['sample']);
});

test('the configuration of the sample is valid, and every file but the README is in a source', async () => {
  const config = await loadConfig({ file, env: {} });
  const sources = compileSources(config, '/', '/nowhere');
  const root = new URL('../../sample', import.meta.url).pathname;
  const unprotected = sampleFiles().filter(([path]) => sourcesOf(sources, join(root, path)).length === 0);
  expect(unprotected.map(([path]) => path)).toEqual(['README.md']);
  expect(sourcesOf(sources, join(root, '.env')).map(({ name }) => name)).toEqual([
    'configuration',
    'credentials',
  ]);
  const inactive = inactiveKeys(config).map(({ key }) => key);
  expect(inactive).toEqual(expect.arrayContaining(['storage.tiers.offsite', 'rpo']));
  expect(inactive).not.toContain('sources.database (MongoDB)');
  expect(inactive).not.toEqual(expect.arrayContaining(['schedule']));
  expect(inactive).not.toEqual(expect.arrayContaining(['rotation']));
});
