import { z } from 'zod';
import { Severity } from './alert-events.ts';
import { BackupType } from './backup-events.ts';
import { DurationMs } from './durations.ts';
import { StrategyName } from './recovery-events.ts';
import { SchedulesConfig, TimeZone, Weekday } from './schedule.ts';
import { HooksConfig, VolumeSnapshotConfig } from './source-commands.ts';

/** The most urgent first. */
export const Priority = z.enum(['critical', 'high', 'medium', 'low']);
export type Priority = z.infer<typeof Priority>;

/** Left out of `up PATH…` and of every source that does not set `default_excludes: false`. */
export const DEFAULT_EXCLUDES = [
  '.git',
  'node_modules',
  '.cache',
  '__pycache__',
  '*.pyc',
  '*.lock',
  '*.sock',
  '*.swp',
  '*.swx',
  '*~',
  '#*#',
  '.#*',
  '4913',
  '*.tmp',
  '.~lock.*',
  '.DS_Store',
] as const;

/** One protected source (requirements 1.2). Patterns are globs below `root`; a pattern that ends in `/` is a folder. */
export const SourceConfig = z.strictObject({
  root: z.string().optional(),
  paths: z.array(z.string()).default([]),
  exclude_patterns: z.array(z.string()).default([]),
  default_excludes: z.boolean().default(true),
  priority: Priority.default('medium'),
  backup_frequency: z.enum(['on_change', 'hourly', 'daily', 'weekly', 'monthly']).default('daily'),
  on_delete: z.enum(['recover', 'alert', 'ignore']).default('recover'),
  validator: z.enum(['none', 'json', 'conversation']).optional(),
  json_schema: z
    .union([z.string(), z.record(z.string(), z.string())])
    .optional()
    .describe('a JSON Schema file for *.json, or one for each pattern: the first that matches'),
  expected_patterns: z
    .array(
      z.strictObject({
        pattern: z.string().min(1),
        min_count: z.number().int().nonnegative().default(1),
        max_age: DurationMs.optional().describe('of the newest file that the pattern names'),
      }),
    )
    .default([])
    .describe('what must be there: people are told when it is not'),
  encryption_required: z.boolean().default(false),
  mongodb_url: z.string().optional(),
  mongodb_url_file: z.string().optional(),
  verify_mongodb_url: z
    .string()
    .optional()
    .describe('where backups are restored to be proved; default: mongodb_url'),
  verify_mongodb_url_file: z.string().optional(),
  database: z.string().optional(),
  mongodb_collections: z.array(z.string()).default([]),
  point_in_time_recovery: z.boolean().default(false),
  hooks: HooksConfig.optional(),
  volume_snapshot: VolumeSnapshotConfig.optional(),
});
export type SourceConfig = z.infer<typeof SourceConfig>;

/** The source that is always there: what Holdfast itself needs to begin again on an empty machine. */
export const OWN_SOURCE = 'holdfast';

/** A source of this name says when Holdfast itself is backed up, and nothing of what. */
const OWN_SETTINGS: readonly string[] = ['priority', 'backup_frequency'];

const SourcesConfig = z
  .record(z.string().regex(/^[A-Za-z0-9_-]+$/), SourceConfig)
  .superRefine((sources, context) => {
    const own = sources[OWN_SOURCE];
    if (own === undefined) return;
    const usual: Readonly<Record<string, unknown>> = SourceConfig.parse({});
    // The first is the one that is named: `root` may have come with `paths`.
    for (const [key, value] of Object.entries(own).toSorted(([one], [other]) => (one < other ? -1 : 1))) {
      if (OWN_SETTINGS.includes(key) || JSON.stringify(value) === JSON.stringify(usual[key])) continue;
      const message = `${OWN_SOURCE} is Holdfast itself: only ${OWN_SETTINGS.join(' and ')} can be set; give a source of yours another name`;
      context.addIssue({ code: 'custom', message, path: [OWN_SOURCE, key] });
    }
  });

const channelBase = { allow_private: z.boolean().default(false), min_severity: Severity.optional() };
export const ChannelConfig = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('log'), ...channelBase }),
  z.strictObject({
    type: z.literal('webhook'),
    url: z.string().optional(),
    url_file: z.string().optional(),
    secret: z.string().optional(),
    secret_file: z.string().optional(),
    ...channelBase,
  }),
  z.strictObject({
    type: z.literal('slack'),
    webhook_url: z.string().optional(),
    webhook_url_file: z.string().optional(),
    ...channelBase,
  }),
  z.strictObject({
    type: z.literal('email'),
    smtp_url: z.string().optional(),
    smtp_url_file: z.string().optional(),
    from: z.string(),
    to: z.array(z.string()).min(1),
    ...channelBase,
  }),
]);
export type ChannelConfig = z.infer<typeof ChannelConfig>;

const RouteConfig = z.strictObject({
  match: z
    .strictObject({ severity: z.array(Severity).optional(), rule: z.array(z.string()).optional() })
    .default({}),
  channels: z.array(z.string()).min(1),
});

/** What a tier may take: types, what rotation keeps a backup for, and kinds of their own. */
export const TierIntake = z.enum([
  ...BackupType.options,
  ...['hourly', 'daily', 'weekly', 'monthly', 'yearly', 'on_change', 'before_deployment'],
] as const);
export type TierIntake = z.infer<typeof TierIntake>;

/** A place for copies of backups (requirements 4.1): a repository of its own. */
export const TierConfig = z.looseObject({
  location: z.string().optional().describe('a folder; default: in the data folder'),
  provider: z.string().optional(),
  retention_days: z.number().positive().optional().describe('of age; then a backup belongs in the next tier'),
  backup_types: z.array(TierIntake).optional().describe('default: all'),
  auto_cleanup: z.boolean().optional(),
  compression: z.enum(['normal', 'high', 'maximum']).optional().describe('of what is copied here'),
});
export type TierConfig = z.infer<typeof TierConfig>;

/** When a disk with a tier on it counts as nearly full. */
export const StorageThresholds = z.strictObject({
  high_percent: z.number().gt(0).max(100).default(80),
  critical_percent: z
    .number()
    .gt(0)
    .max(100)
    .optional()
    .describe('default: what alerts.conditions.storage_full says, or 90'),
  hysteresis_percent: z.number().min(0).max(50).default(3).describe('so much below, and it is over'),
  min_free_bytes: z.number().int().nonnegative().default(268_435_456).describe('less is critical too'),
});

const StorageConfig = z.strictObject({
  tiers: z.record(z.string().regex(/^[A-Za-z0-9_-]+$/), TierConfig).default({}),
  thresholds: StorageThresholds.prefault({}),
});

const rotationRule = {
  enabled: z.boolean().default(true),
  keep_count: z.number().int().nonnegative(),
  backup_type: BackupType.optional().describe('preferred; where a period has none, any other stays'),
};
const RotationRule = z.strictObject(rotationRule);

/** How many hours, days … that have a backup keep one (requirements 4.2). */
export const RotationConfig = z.strictObject({
  hourly: RotationRule.optional(),
  daily: RotationRule.optional(),
  weekly: z.strictObject({ ...rotationRule, day: Weekday.optional() }).optional(),
  monthly: z.strictObject({ ...rotationRule, day: z.number().int().min(1).max(31).optional() }).optional(),
  yearly: RotationRule.optional(),
});
export type RotationConfig = z.infer<typeof RotationConfig>;

/** The whole of `holdfast.yaml`. Keys of parts that come later are taken and passed on as they are. */
export const HoldfastConfig = z.strictObject({
  host: z.string().min(1),
  data_dir: z.string().default('.holdfast'),
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65535).default(8420),
    })
    .prefault({}),
  nats: z
    .strictObject({
      url: z.string().optional(),
      credentials_file: z.string().optional(),
      port: z.number().int().min(0).max(65535).default(4222).describe('of the embedded server'),
    })
    .prefault({}),
  sources: SourcesConfig.default({}),
  storage: StorageConfig.prefault({}),
  repository: z
    .strictObject({
      location: z.string().optional(),
      key_file: z.string().optional(),
      password_file: z.string().optional(),
    })
    .prefault({}),
  monitor: z
    .strictObject({
      check_interval_seconds: z.number().positive().default(60),
      deep_check_interval_seconds: z.number().positive().default(300),
      settle_ms: z.number().int().nonnegative().default(1000).describe('sources below critical'),
      settle_critical_ms: z.number().int().nonnegative().default(10),
      move_window_ms: z.number().int().nonnegative().default(10),
      canaries: z
        .array(z.string())
        .default([])
        .describe(
          'globs of files (absolute, or the end of a path) that nobody has a reason to touch: whoever does raises an alarm',
        ),
      scrub: z
        .strictObject({
          enabled: z.boolean().default(true),
          every: DurationMs.refine((every) => every > 0, 'must be longer than 0')
            .default(2_592_000_000)
            .describe('so often every protected file is read and its checksum compared'),
          max_bytes_per_second: z.number().int().positive().default(20_971_520),
        })
        .prefault({}),
    })
    .prefault({}),
  recovery: z
    .strictObject({
      strategies: z
        .record(
          z.string(),
          z.array(z.looseObject({ strategy: StrategyName, max_age_hours: z.number().optional() })),
        )
        .default({}),
    })
    .prefault({}),
  alerts: z
    .strictObject({
      channels: z.record(z.string(), ChannelConfig).default({}),
      routes: z.array(RouteConfig).default([]),
      group_wait_ms: DurationMs.default(10_000),
      group_interval_ms: DurationMs.default(300_000),
      repeat_interval_ms: DurationMs.default(14_400_000),
      conditions: z.unknown().optional(),
    })
    .prefault({}),
  telemetry: z
    .strictObject({
      otlp_endpoint: z.string().optional(),
      log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    })
    .prefault({}),
  time_zone: TimeZone.optional().describe("of schedule and rotation; default: the host's"),
  rotation: RotationConfig.optional(),
  schedule: SchedulesConfig.optional(),
  verification: z
    .strictObject({
      enabled: z.boolean().default(true),
      after: DurationMs.default(60_000).describe('a new backup is read so long after it was made'),
      restore_every: DurationMs.refine((every) => every > 0, 'must be longer than 0')
        .default(86_400_000)
        .describe('so often one backup is restored into scratch; the sources take turns'),
    })
    .prefault({}),
  rpo: z.record(z.string(), DurationMs).optional(),
  rto: z.record(z.string(), DurationMs).optional(),
  drills: z.record(z.string(), z.unknown()).optional(),
  contacts: z.unknown().optional(),
  retention: z.looseObject({ archive_to_cold_storage_after: DurationMs.optional() }).optional(),
  encryption: z
    .looseObject({
      allow_local_key: z
        .boolean()
        .optional()
        .describe('sources with encryption_required may use a key that lies beside the repository'),
    })
    .optional(),
  access: z.record(z.string(), z.unknown()).optional(),
  audit: z.record(z.string(), z.unknown()).optional(),
});
export type HoldfastConfig = z.infer<typeof HoldfastConfig>;
