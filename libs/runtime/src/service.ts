import type { ServiceName } from '@holdfast/contracts/catalog';
import type { HoldfastConfig } from '@holdfast/contracts/config';

/** What every `start<Name>()` is given: validated once, complete. */
export interface ServiceConfig {
  readonly config: HoldfastConfig;
  /** Absolute. */
  readonly data_dir: string;
  readonly nats: { readonly url: string; readonly credentials_file?: string };
  /** Where this service listens; port 0 takes a free one. */
  readonly http: { readonly host: string; readonly port: number };
  readonly version: string;
}

/** A service that serves: disposing drains and stops it, in that order. */
export interface RunningService extends AsyncDisposable {
  readonly name: ServiceName;
  /** `http://host:port` */
  readonly url: string;
  /** Rejects when the service cannot go on (a failed fsync, a projection that broke); never resolves. */
  readonly failed: Promise<never>;
}
