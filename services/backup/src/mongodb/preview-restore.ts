import { HoldfastError } from '@holdfast/contracts/errors';
import { expectedContents } from './expected-contents.ts';
import { readHeldLog } from './held-log.ts';
import { refuseOccupied } from './put-in-place.ts';
import { type RestoreDatabase, type RestoredDatabase, requirePlan, wantedOf } from './restore-database.ts';

/** What a restore would bring, and whether it would be refused; nothing is written. */
export async function previewRestore(request: RestoreDatabase): Promise<RestoredDatabase> {
  const { repository, snapshot, target, overwrite, signal, report } = request;
  if (request.query !== undefined) {
    throw new HoldfastError(
      'bad_request',
      'only MongoDB knows what a query matches: leave one of query and dry_run out',
    );
  }
  const held = await readHeldLog(repository, snapshot);
  const plan = requirePlan(held, request.at);
  const contents = wantedOf(await expectedContents({ held, plan, signal, report }), request);
  const collections = contents.map(([name, { documents }]) => ({ name, documents }));
  await refuseOccupied(
    target,
    collections.map(({ name }) => name),
    overwrite,
  );
  return { database: target.databaseName, at: plan.at, collections, changes_replayed: 0 };
}
