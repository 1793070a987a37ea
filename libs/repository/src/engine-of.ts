import type { Repository } from './api.ts';
import type { Engine } from './engine.ts';

const engines = new WeakMap<Repository, Engine>();

/** Notes the parts of a repository, for work over two of them. */
export function setEngine(repository: Repository, engine: Engine): void {
  engines.set(repository, engine);
}

/** The parts of a repository that createRepository made. */
export function engineOf(repository: Repository): Engine {
  const engine = engines.get(repository);
  if (engine === undefined) throw new Error('not a repository of this engine');
  return engine;
}
