import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  configJsonSchema,
  defaultConfig,
  inactiveKeys,
  loadConfig,
  printableConfig,
  readSecret,
} from './config.ts';

let dir: ReturnType<typeof tempDir>;
let file: string;

beforeEach(() => {
  dir = tempDir();
  file = join(dir.path, 'holdfast.yaml');
});
afterEach(() => dir[Symbol.dispose]());

const load = (yaml: string, env: NodeJS.ProcessEnv = {}, flags: Record<string, unknown> = {}) => {
  writeFileSync(file, yaml);
  return loadConfig({ file, env, flags });
};

const mistake = async (yaml: string, env: NodeJS.ProcessEnv = {}, flags: Record<string, unknown> = {}) => {
  const error = await load(yaml, env, flags).catch((thrown) => thrown);
  expect(error.code).toBe('config_invalid');
  return error.message.replaceAll(`${dir.path}/`, '');
};

describe('layers', () => {
  test('schema files count from the folder of the file, one alone and one for each pattern', async () => {
    const { sources } = await load(
      'sources: { a: { paths: [x], json_schema: s.json }, b: { paths: [x], json_schema: { "a.b/*.json": s.json } } }',
    );
    const schema = join(dir.path, 's.json');
    expect([sources['a']?.json_schema, sources['b']?.json_schema]).toEqual([
      schema,
      { 'a.b/*.json': schema },
    ]);
  });

  test('an empty file is the defaults, and this host', async () => {
    const config = await load('');
    expect([config.host, config.http.port, config.monitor.check_interval_seconds]).toEqual([
      hostname(),
      8420,
      60,
    ]);
  });

  test('a flag goes before a variable, a variable before the file', async () => {
    const yaml = 'host: a\nhttp: { port: 1, host: 0.0.0.0 }\nmonitor: { settle_ms: 5 }';
    const env = { HOLDFAST_HTTP_PORT: '2', HOLDFAST_MONITOR_SETTLE_MS: '7' };
    const config = await load(yaml, env, { 'http.port': 3, host: undefined });
    expect([config.host, config.http, config.monitor.settle_ms]).toEqual([
      'a',
      { port: 3, host: '0.0.0.0' },
      7,
    ]);
  });

  test('a variable reaches every key, those that people named too', async () => {
    const yaml =
      'sources: { bmc_chat: { paths: [a] }, db: { mongodb_collections: [quotes] }, whole: { database: bmc } }';
    const config = await load(yaml, {
      HOLDFAST_HOST: '0123',
      HOLDFAST_SOURCES_BMC_CHAT_PRIORITY: 'critical',
      HOLDFAST_SOURCES_BMC_CHAT_EXCLUDE_PATTERNS: '["*.old"]',
      HOLDFAST_ALERTS_GROUP_WAIT_MS: '15 minutes',
      HOLDFAST_TELEMETRY_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
      NATS_URL: 'nats://10.0.0.1:4222',
      MONGODB_URL: 'mongodb://u:p@h/db',
      HOLDFAST_NATS_SERVER: '/opt/nats-server',
      HOLDFAST_DATA_DIR: '',
    });
    expect(config.host).toBe('0123');
    expect(config.sources['bmc_chat']).toMatchObject({ priority: 'critical', exclude_patterns: ['*.old'] });
    expect(config.sources['bmc_chat']?.mongodb_url).toBeUndefined();
    expect(config.sources['db']?.mongodb_url).toBe('mongodb://u:p@h/db');
    expect(config.sources['whole']?.mongodb_url).toBe('mongodb://u:p@h/db');
    expect([config.alerts.group_wait_ms, config.nats.url]).toEqual([900_000, 'nats://10.0.0.1:4222']);
    expect(config.data_dir).toBe('.holdfast');
  });

  test('paths in a file count from its folder', async () => {
    const config = await load(
      'data_dir: data\nsources: { a: { root: ../x }, b: { paths: [logs/] }, c: { mongodb_url_file: m } }\n' +
        'repository: { location: "s3://bucket/a" }\nstorage: { tiers: { hot: { location: hot } } }',
    );
    expect(config.data_dir).toBe(join(dir.path, 'data'));
    expect(config.sources['a']?.root).toBe(join(dir.path, '../x'));
    expect(config.sources['b']?.root).toBe(dir.path);
    expect(config.sources['c']).toMatchObject({ mongodb_url_file: join(dir.path, 'm') });
    expect(config.sources['c']?.root).toBeUndefined();
    expect([config.repository.location, config.storage.tiers['hot']?.location]).toEqual([
      's3://bucket/a',
      join(dir.path, 'hot'),
    ]);
  });
});

describe('mistakes are named with their place', () => {
  test.each([
    [
      'host: a\nsources:\n  x:\n    priority: urgent',
      'holdfast.yaml:4:5 sources.x.priority: expected one of',
    ],
    [
      'sources:\n  x:\n    prioritty: low',
      'holdfast.yaml:3:5 sources.x.prioritty: no such key; did you mean priority?',
    ],
    ['htp: {}', 'holdfast.yaml:1:1 htp: no such key; did you mean http?'],
    ['colour: red', 'holdfast.yaml:1:1 colour: no such key'],
    ['http:\n  port: "80"', 'holdfast.yaml:2:3 http.port: expected number, received string'],
    [
      'rpo:\n  quotes: 1 hou',
      'holdfast.yaml:2:3 rpo.quotes: not a duration: 1 hou (write 15m, 1 hour, 30 days)',
    ],
    [
      'alerts:\n  channels:\n    ops: { type: email }',
      'holdfast.yaml:3:5 alerts.channels.ops.from: expected string',
    ],
    ['sources:\n  "a b": {}', 'holdfast.yaml:2:3 sources.a b: a name may have letters, digits, - and _ only'],
    [
      'sources:\n  a:\n    paths:\n      - x\n      - 3',
      'holdfast.yaml:5:9 sources.a.paths.1: expected string',
    ],
    ['host: [', 'holdfast.yaml:1:8 '],
    [
      'sources:\n  a: {}\nschedule:\n  daily:\n    sources: [a, holdfast, conversation]',
      'holdfast.yaml:5:28 schedule.daily.sources.2: there is no source conversation; there are a, holdfast',
    ],
    [
      'sources:\n  db: { mongodb_collections: [quotes] }\nrpo:\n  quotes: 1h\n  quote: 1h',
      'holdfast.yaml:5:3 rpo.quote: there is no source or collection quote; there are db, holdfast',
    ],
    [
      'sources:\n  holdfast:\n    backup_frequency: daily\n    paths: [a]',
      'holdfast.yaml:4:5 sources.holdfast.paths: holdfast is Holdfast itself',
    ],
    [
      'encryption:\n  allow_local_key: "yes"',
      'holdfast.yaml:2:3 encryption.allow_local_key: expected boolean',
    ],
    ['host: a\nhost: b', 'holdfast.yaml:2:1 Map keys must be unique'],
    ['just text', 'holdfast.yaml:1:1 must be a mapping'],
  ])('%j', async (yaml, line) => {
    const message = await mistake(yaml);
    expect(message).toContain(line);
    expect(message).not.toContain('\n');
  });

  test('a variable and a flag are named as such; others are counted', async () => {
    expect(await mistake('', { HOLDFAST_HTTP_PORT: 'x' })).toBe(
      'HOLDFAST_HTTP_PORT http.port: expected number, received string',
    );
    expect(await mistake('', {}, { 'http.port': 70_000 })).toContain('--http.port http.port: Too big');
    expect(await mistake('a: 1\nhttp: { port: x }')).toMatch(/ \(and 1 more\)$/);
  });

  test('no such file', async () => {
    const error = await loadConfig({ file, env: {} }).catch((thrown) => thrown);
    expect([error.code, error.message]).toEqual(['config_invalid', `${file}: there is no such file`]);
  });
});

test('folders and files to protect need no file', async () => {
  writeFileSync(join(dir.path, 'a[1].txt'), '');
  const defaults = defaultConfig([dir.path, join(dir.path, 'a[1].txt'), '/']);
  const { sources } = await loadConfig({ defaults, env: {} });
  const [folder, one, root] = Object.values(sources);
  expect(folder).toMatchObject({ root: dir.path, paths: [], priority: 'critical', on_delete: 'recover' });
  expect(one).toMatchObject({ root: dir.path, paths: ['a\\[1\\].txt'] });
  expect([Object.keys(sources)[2], root?.root]).toEqual(['root', '/']);
  expect(() => defaultConfig(['/no/such/folder'])).toThrow(
    '/no/such/folder: there is no such file or folder',
  );
});

test('nothing secret is printed', async () => {
  const config = await load(
    'nats: { url: "nats://user:hunter2@h:4222" }\n' +
      'sources: { db: { mongodb_url: "mongodb://u:hunter2@h/db", mongodb_collections: [a] } }\n' +
      'alerts: { channels: { ops: { type: webhook, url: "https://h/hook/hunter2?k=hunter2", secret: hunter2 },' +
      ' chat: { type: slack, webhook_url: "https://hooks.slack.com/hunter2" } } }',
  );
  const printed = printableConfig(config);
  expect(JSON.stringify(printed)).not.toContain('hunter2');
  const hooks =
    'sources: { a: { root: /srv, hooks: { pre: [{ run: "PGPASSWORD=hunter2 pg_dump x", env: { A: hunter2 } }] } } }';
  const hooked = JSON.stringify(printableConfig(await load(hooks)));
  expect(hooked).toContain('PGPASSWORD=… pg_dump x');
  expect(hooked).not.toContain('hunter2');
  expect(printed).toMatchObject({ nats: { url: 'nats://***@h:4222' } });
});

test.each([
  ["PGPASSWORD='hunter two secret' true", 'PGPASSWORD=… true'],
  ['PGPASSWORD="hunter \\" two" true', 'PGPASSWORD=… true'],
  ['PGPASSWORD=hunter\\ two true', 'PGPASSWORD=… true'],
  ['PGPASSWORD=a"hunter two"b true', 'PGPASSWORD=… true'],
  ['PGPASSWORD=$(echo hunter two) true', 'PGPASSWORD=… true'],
  ['env "PGPASSWORD=hunter two" true', 'env "PGPASSWORD=… true'],
  ["PGPASSWORD='hunter two", 'PGPASSWORD=…'],
  ['pg_dump -U "a b" shop', 'pg_dump -U "a b" shop'],
])('of a command %s is printed %s', async (run, shown) => {
  const config = await load(
    `sources: { a: { root: /srv, hooks: { pre: [{ run: ${JSON.stringify(run)} }] } } }`,
  );
  expect(printableConfig(config)).toMatchObject({ sources: { a: { hooks: { pre: [{ run: shown }] } } } });
});

test('a word of a command that is given as words is hidden to its end', async () => {
  const hook = '{ run: ["env", "MY_TOKEN=hunter two", "true"] }';
  const config = await load(`sources: { a: { root: /srv, hooks: { pre: [${hook}] } } }`);
  const run = ['env', 'MY_TOKEN=…', 'true'];
  expect(printableConfig(config)).toMatchObject({ sources: { a: { hooks: { pre: [{ run }] } } } });
});

test('the JSON Schema knows every part; what does nothing yet is said', async () => {
  expect(Object.keys(configJsonSchema().properties ?? {})).toEqual(
    expect.arrayContaining(['sources', 'drills']),
  );
  const config = await load(
    'rpo: { a: 1 hour }\nsources: { db: { mongodb_collections: [a] }, active: { mongodb_url: m, mongodb_collections: [a] } }\n' +
      'recovery: { strategies: { "*.json": [{ strategy: latest_backup }, { strategy: git_history }] } }',
  );
  expect(inactiveKeys(config).map(({ key }) => key)).toEqual([
    'sources.db (MongoDB)',
    'recovery.strategies.*.json: git_history',
    'rpo',
  ]);
});

test('a secret comes from its value, its file, or is said to be missing', async () => {
  writeFileSync(file, 'hunter2\n');
  expect(await readSecret(undefined, file)).toBe('hunter2');
  expect(await readSecret('given', '/none')).toBe('given');
  expect(await readSecret(undefined, undefined)).toBeNull();
  await expect(readSecret(undefined, '/none')).rejects.toThrow('/none: the secret cannot be read (ENOENT)');
});
