import type { Engine } from './engine.ts';
import { RepositoryError } from './errors.ts';

/** Throws `bad_request` where chunks of the same bytes have other ids in the other repository. */
export function mustShareIds(source: Engine, destination: Engine): void {
  if (source.keys.chunk_id_key.equals(destination.keys.chunk_id_key)) return;
  const [from, to] = [source.store.location, destination.store.location];
  throw new RepositoryError(
    'bad_request',
    `${to} names chunks in another way than ${from}: make it with \`repo init --repo … --from-repo ${from}\``,
  );
}
