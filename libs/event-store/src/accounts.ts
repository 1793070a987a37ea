import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES } from '@holdfast/contracts/catalog';
import { systemCode } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';
import { accountJwt, credentialsFile, operatorJwt, type Permissions, userJwt } from './jwt.ts';
import { type KeyRole, keyOf, newKey } from './nkey.ts';
import { deployPermissions, OPS_PERMISSIONS, servicePermissions } from './permissions.ts';
import { writePrivateFile } from './private-file.ts';

/** Beside the services: who makes the streams, who watches the server, people who look on, and pipelines that deploy. */
const USERS = [...SERVICES, 'ops', 'deploy', 'provisioner', 'supervisor'] as const;
type UserName = (typeof USERS)[number];
type KeyName = UserName | 'operator' | 'account' | 'system';
const ROLES = { operator: 'operator', account: 'account', system: 'account' } as const;
type Seeds = Record<KeyName, string>;

/** Who there is, as the server's configuration tells it, and where each one's credentials lie. */
export interface Accounts {
  readonly operator_jwt: string;
  readonly system_account: string;
  /** Public key → JWT. */
  readonly preload: ReadonlyMap<string, string>;
  credentials(user: UserName): string;
}

/**
 * Opens or makes the keys under DIR/nats (0600; they stay the same over restarts) and writes each user's credentials
 * anew, so that its permissions are those of this version's catalogue.
 */
export function openAccounts(data_dir: string, host: string): Accounts {
  const folder = dataPaths(data_dir).nats;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const seeds = openSeeds(join(folder, 'keys.json'));
  const key = (name: KeyName) => keyOf(seeds[name]);
  const [operator, account, system] = [key('operator'), key('account'), key('system')];
  const credentials = (user: UserName) => dataPaths(data_dir).service_creds(user);

  for (const user of USERS) {
    const issuer = user === 'supervisor' ? system : account;
    const jwt = userJwt(issuer, key(user).public_key, user, permissionsOf(user, host));
    writePrivateFile(credentials(user), credentialsFile(jwt, seeds[user]));
  }
  return {
    operator_jwt: operatorJwt(operator, system.public_key),
    system_account: system.public_key,
    preload: new Map([
      [account.public_key, accountJwt(operator, account.public_key, 'HOLDFAST', true)],
      [system.public_key, accountJwt(operator, system.public_key, 'SYS', false)],
    ]),
    credentials,
  };
}

function permissionsOf(user: UserName, host: string): Permissions | undefined {
  if (user === 'ops') return OPS_PERMISSIONS;
  if (user === 'deploy') return deployPermissions(host);
  if (user === 'provisioner' || user === 'supervisor') return undefined;
  return servicePermissions(user, host);
}

/** Keys that are there are kept; a version that has more users makes theirs. */
function openSeeds(file: string): Seeds {
  const found = readSeeds(file);
  const role = (name: KeyName): KeyRole => ROLES[name as keyof typeof ROLES] ?? 'user';
  const names: KeyName[] = ['operator', 'account', 'system', ...USERS];
  const seeds = Object.fromEntries(
    names.map((name) => [name, found[name] ?? newKey(role(name)).seed]),
  ) as Seeds;
  if (JSON.stringify(seeds) !== JSON.stringify(found)) writePrivateFile(file, JSON.stringify(seeds));
  return seeds;
}

function readSeeds(file: string): Partial<Seeds> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {};
    throw error;
  }
}
