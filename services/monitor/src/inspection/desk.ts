import type { Clock } from '@holdfast/runtime/clock';
import type { Logger } from '@holdfast/runtime/logger';
import type { GitTrees } from '../adapters/git.ts';
import type { FileRegistry } from '../adapters/registry.ts';
import type { Territory } from '../adapters/territory.ts';
import type { InspectionWorker } from '../adapters/worker-client.ts';
import type { Ledger } from './ledger.ts';
import type { RootGuard } from './root-guard.ts';

/** What those who look at files work with. */
export interface Desk {
  readonly host: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly territory: Territory;
  readonly registry: FileRegistry;
  readonly ledger: Ledger;
  readonly roots: RootGuard;
  readonly git: GitTrees;
  /** Reads and hashes; looks for writers. */
  readonly reader: InspectionWorker;
  /** A deletion is held so long for its other half. */
  readonly move_window_ms: number;
  /** Ends the service: what is in memory can no longer be trusted to be on disk. */
  fail(error: unknown): void;
}
