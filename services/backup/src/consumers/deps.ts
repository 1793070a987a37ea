import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { BackupState } from '../adapters/state.ts';
import type { BackupSettings } from '../config.ts';

/** What the consumers write to. */
export interface ConsumerDeps {
  readonly context: ServiceContext;
  readonly settings: BackupSettings;
  readonly state: BackupState;
}
