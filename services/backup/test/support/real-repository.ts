import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ReadPass, Repository } from '@holdfast/repository/api';
import { openOrCreate } from '@holdfast/repository/repository-key';
import type { Engine } from '../../src/adapters/engine.ts';
import type { Place } from './booted.ts';

/** The repository where the service would have its own, so that a test can stand between the two. */
export async function openRealRepository({ data_dir }: Place): Promise<Repository> {
  mkdirSync(data_dir, { recursive: true });
  const [location, key_file] = [join(data_dir, 'repository'), join(data_dir, 'repository.key')];
  return openOrCreate({ location, key_file });
}

/** Called when a pass over a source has been read, before the service hears of it. */
export type PassHook = (source: string, pass: ReadPass) => unknown;

/** The engine of a repository, with a look at each pass of a snapshot. */
export function watchPasses(repository: Repository, onPass: PassHook): Engine {
  return {
    ...repository,
    backup: (request) => {
      const { settle, source } = request;
      if (settle === undefined) return repository.backup(request);
      const watched = async (pass: ReadPass) => {
        await onPass(source, pass);
        return settle(pass);
      };
      return repository.backup({ ...request, settle: watched });
    },
  };
}
