import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { openBlobStore } from '@holdfast/storage/open-blob-store';
import { expect, test } from '@jest/globals';
import { initRepository } from '../src/open.ts';
import { makeScratch, requestOf, SECRET } from './support.ts';

test.each([0, 1])(
  'a repository of %i snapshots whose disk goes away: a backup writes nothing into the folder that is left',
  async (count) => {
    using scratch = makeScratch();
    scratch.write('source/file', 'content');
    const location = join(scratch.path, 'repository');
    await using repository = await initRepository(openBlobStore(location), SECRET, { rounds: 1000 });
    for (let made = 0; made < count; made += 1) await repository.backup(requestOf(scratch.path));
    renameSync(location, `${location}.away`);
    mkdirSync(location);
    const refusal = {
      code: 'repo_not_found',
      message: `there is no repository at ${location}: is its disk mounted?`,
    };
    await expect(repository.backup(requestOf(scratch.path))).rejects.toMatchObject(refusal);
    await expect(repository.snapshot('0123456789')).rejects.toMatchObject(refusal);
    expect(readdirSync(location)).toEqual([]);
  },
);
