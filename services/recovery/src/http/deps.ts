import type { Repository } from '@holdfast/repository/api';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { VersionFinder } from '../adapters/version-finder.ts';
import type { RequestDeps } from '../request-recovery.ts';

/** What the routes stand on; each takes what it needs. */
export interface RouteDeps extends RequestDeps {
  readonly context: ServiceContext;
  readonly repository: Repository;
  readonly finder: VersionFinder;
}
