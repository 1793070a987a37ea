import { join } from 'node:path';

/** Where things lie under the data folder: the only place that spells it. */
export const dataPaths = (data_dir: string) => ({
  lock: join(data_dir, 'lock'),
  admin_token: join(data_dir, 'admin.token'),
  url: join(data_dir, 'url'),
  repository: join(data_dir, 'repository'),
  tier: (name: string) => join(data_dir, 'tiers', name),
  repository_key: join(data_dir, 'repository.key'),
  nats: join(data_dir, 'nats'),
  nats_url: join(data_dir, 'nats', 'url'),
  ops_creds: join(data_dir, 'nats', 'ops.creds'),
  service_creds: (service: string) => join(data_dir, 'nats', `${service}.creds`),
  service: (service: string) => join(data_dir, service),
  quarantine: join(data_dir, 'quarantine'),
  scratch: join(data_dir, 'scratch'),
});
