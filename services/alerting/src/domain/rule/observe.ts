import type { Severity } from '@holdfast/contracts/alert-events';
import type { EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import type { SourceConfig } from '@holdfast/contracts/config';
import { ERRORS } from '@holdfast/contracts/errors';
import type { Observation, OutcomeObserved, RuleName } from './observation.ts';
import { severityOfLoss } from './severity.ts';

/** What the rules need to know of the configuration. */
export interface RuleContext {
  sources: Readonly<Record<string, Pick<SourceConfig, 'priority' | 'on_delete'>>>;
  /** Severities of `alerts.conditions`, by rule. */
  severities: Readonly<Partial<Record<RuleName, Severity>>>;
}

const ACCESS_BURST = { count: 5, window_ms: 60_000 };
const ACCESS_QUIET_MS = 600_000;

type Rule<Type extends EventType> = (event: HoldfastEvent<Type>, context: RuleContext) => Found | null;
type Found = Observation extends infer Each ? (Each extends unknown ? Omit<Each, 'at_ms'> : never) : never;
type FileLike = { host: string; source: string; path: string };

const hostOf = (event: HoldfastEvent) => event.source.split('/')[1] ?? 'unknown';
const fileOf = (event: HoldfastEvent, file: FileLike) => ({
  incident: event.correlationid,
  host: file.host,
  source: file.source,
  path: file.path,
});

function lossOf(event: HoldfastEvent<'FileDeleted' | 'FileCorrupted'>, context: RuleContext): Found | null {
  const policy = context.sources[event.data.source];
  if (policy?.on_delete === 'ignore') return null;
  return {
    type: 'loss',
    ...fileOf(event, event.data),
    loss: event.type === 'FileDeleted' ? 'deleted' : 'corrupted',
    severity: severityOfLoss(policy?.priority),
    heals: (policy?.on_delete ?? 'recover') === 'recover',
  };
}

const OVER = { exact: true, duration_ms: 0, reason: '', steps: [] };

function outcomeOf(event: HoldfastEvent, file: FileLike, told: Partial<OutcomeObserved>): Found {
  return { type: 'outcome', outcome: 'superseded', ...OVER, ...told, ...fileOf(event, file) };
}

/** Something good stands there again without a recovery: a person put it back, or edited it well. */
const standsAgain = (event: HoldfastEvent<'FileRegistered' | 'FileModified'>): Found =>
  outcomeOf(event, event.data, { reason: 'a good file stands there again' });

/** Most failures pass; what only a person can change is said as the catalogue says it. */
function adviceOn(code: string): string {
  if (code === 'encryption_required') return ERRORS[code].hint;
  return 'It is tried again by itself; the versions that were stored before are safe.';
}

const ON_CHANGE = 'on_change';

/** A backup of changes alone makes nothing good where a look at everything fails: the alert would come and go. */
function backupPart(source: string, reason: string): string {
  return reason === ON_CHANGE ? `${source}/${ON_CHANGE}` : source;
}

const RULES_BY_EVENT: { [Type in EventType]?: Rule<Type> } = {
  FileDeleted: lossOf,
  FileCorrupted: lossOf,
  PartialDeletionDetected: ({ correlationid, data: { host, folders } }) => ({
    ...{ type: 'summary', incident: correlationid, host, folders },
  }),
  FileRegistered: standsAgain,
  FileModified: standsAgain,
  FileRetired: (event) => outcomeOf(event, event.data, { reason: event.data.reason }),
  RecoverySuperseded: (event) => outcomeOf(event, event.data, { reason: event.data.reason }),
  FileRecovered: (event) =>
    outcomeOf(event, event.data, {
      outcome: 'recovered',
      exact: event.data.exact,
      duration_ms: event.data.duration_ms,
    }),
  RecoveryFailed: (event) =>
    outcomeOf(event, event.data, { outcome: 'failed', reason: event.data.error.message }),
  ManualRecoveryRequired: (event) =>
    outcomeOf(event, event.data, {
      outcome: 'failed',
      reason: event.data.reason,
      steps: event.data.steps,
    }),
  MassChangeDetected: (event) => {
    const { host, source, files, reasons } = event.data;
    return {
      type: 'condition',
      rule: 'mass_change',
      key: `${host}/${source}`,
      host,
      severity: 'critical',
      headline: `${source} on ${host} looks as if it were under attack, ${files} files so far: ${reasons.join('; ')}`,
      advice:
        'No backup of it is cleaned up until you say so. Stop what does it, look at `holdfast quarantine list`, then roll back or release.',
      closing: { by: 'event' },
      parts: [source],
    };
  },
  MassChangeReleased: ({ data: { host, source } }) => ({
    type: 'cleared',
    rule: 'mass_change',
    host,
    parts: [source],
  }),
  WatchRootLost: (event) => {
    const { host, root, reason, reconciled_at } = event.data;
    if (reconciled_at !== undefined) return { type: 'cleared', rule: 'watch_root_lost', host, parts: [root] };
    return {
      type: 'condition',
      rule: 'watch_root_lost',
      key: `${host}/${root}`,
      host,
      severity: 'critical',
      headline: `A protected folder is ${reason} on ${host}: ${root}`,
      advice:
        'Nothing in it is taken for deleted, and nothing is put back, until it is there again. Mount or restore it.',
      closing: { by: 'event' },
      parts: [root],
    };
  },
  ExpectationViolated: (event, { sources }) => {
    const { host, source, pattern, reasons, cleared_at } = event.data;
    const rule = 'expectation_violated';
    const parts = [`${source}/${pattern}`];
    if (cleared_at !== undefined) return { type: 'cleared', rule, host, parts };
    return {
      type: 'condition',
      rule,
      key: `${host}/${parts[0]}`,
      host,
      severity: severityOfLoss(sources[source]?.priority),
      headline: `${pattern} of ${source} is not as expected on ${host}: ${reasons.map(({ detail }) => detail).join('; ')}`,
      advice: `Does the program still run that writes it? \`expected_patterns\` of sources.${source} says what must be there.`,
      closing: { by: 'event' },
      parts,
    };
  },
  BackupFailed: (event) => {
    const host = hostOf(event);
    const sources = event.data.sources.toSorted();
    const parts = sources.map((source) => backupPart(source, event.data.reason));
    return {
      type: 'condition',
      rule: 'backup_failed',
      key: `${host}/${parts.join(',')}`,
      host,
      severity: 'critical',
      headline: `Backup of ${sources.join(', ')} failed on ${host}: ${event.data.error.message}`,
      advice: adviceOn(event.data.error.code),
      closing: { by: 'event' },
      parts,
    };
  },
  BackupCreated: (event) => {
    const { sources, reason, files_unreadable } = event.data.manifest;
    // What looks at everything holds the changes too, but those that could not be read.
    const whole = files_unreadable.length === 0 ? [ON_CHANGE] : [];
    const reasons = reason === ON_CHANGE ? whole : [reason, ...whole];
    const parts = sources.flatMap(({ source }) => reasons.map((one) => backupPart(source, one)));
    return { type: 'cleared', rule: 'backup_failed', host: hostOf(event), parts };
  },
  BackupOverdue: (event) => {
    const { source, schedule, expected_at, cleared_at } = event.data;
    const host = hostOf(event);
    const parts = [`${source}/${schedule ?? ''}`];
    if (cleared_at !== undefined) return { type: 'cleared', rule: 'backup_overdue', host, parts };
    const by = schedule === null ? '' : ` by the schedule ${schedule}`;
    return {
      type: 'condition',
      rule: 'backup_overdue',
      key: `${host}/${parts[0]}`,
      host,
      severity: 'high',
      headline: `Backup of ${source} on ${host} is overdue: it was expected${by} at ${expected_at}`,
      advice:
        'Run `holdfast health` and `holdfast schedule list`; BackupFailed events say why it could not be made.',
      closing: { by: 'event' },
      parts,
    };
  },
  BackupVerificationFailed: (event) => {
    const { backup_id, problems } = event.data;
    return {
      type: 'condition',
      rule: 'backup_verification_failed',
      key: `${hostOf(event)}/${backup_id}`,
      host: hostOf(event),
      severity: 'high',
      headline: `Backup ${backup_id} did not verify: ${problems[0] ?? 'no detail'}`,
      advice: `Run \`holdfast verify ${backup_id} --level data\`; \`holdfast repo check --read-data\` names the damage.`,
      closing: { by: 'event' },
      parts: [backup_id],
    };
  },
  BackupVerified: (event) => ({
    type: 'cleared',
    rule: 'backup_verification_failed',
    host: hostOf(event),
    parts: [event.data.backup_id],
  }),
  StorageThresholdCrossed: (event) => {
    const { host, tier, tiers, location, level, previous_level, used_percent, free_bytes } = event.data;
    if (level === 'normal' || previous_level === 'critical') {
      const over = level === 'normal' ? ['high', 'critical'] : ['critical'];
      return { type: 'cleared', rule: 'storage_full', host, parts: over.map((one) => `${tier}/${one}`) };
    }
    const free_gib = (free_bytes / 2 ** 30).toFixed(1);
    return {
      type: 'condition',
      rule: 'storage_full',
      key: `${host}/${tier}/${level}`,
      host,
      severity: level === 'critical' ? 'critical' : 'medium',
      headline: `The disk of ${tiers.join(', ')} on ${host} is ${used_percent} % full, ${free_gib} GiB are free: ${location}`,
      advice:
        'Old backups are cleaned up now, as far as rotation allows. Run `holdfast tiers` and `holdfast cleanup --dry-run`.',
      closing: { by: 'event' },
      parts: [`${tier}/${level}`],
    };
  },
  TierUnavailable: (event) => {
    const { host, tier, location, error, backups_waiting, cleared_at } = event.data;
    if (cleared_at !== undefined) return { type: 'cleared', rule: 'tier_unavailable', host, parts: [tier] };
    return {
      type: 'condition',
      rule: 'tier_unavailable',
      key: `${host}/${tier}`,
      host,
      severity: 'high',
      headline: `The tier ${tier} of ${host} cannot be used (${location}): ${error.message}`,
      advice: `Is its disk mounted, and has it room? Nothing is removed meanwhile; ${backups_waiting} backups wait. It is tried again by itself.`,
      closing: { by: 'event' },
      parts: [tier],
    };
  },
  DeadLettered: (event) => ({
    type: 'condition',
    rule: 'dead_lettered',
    key: event.data.consumer,
    host: hostOf(event),
    severity: 'high',
    headline: `An event could not be processed by ${event.data.consumer}: ${event.data.reason}`,
    advice:
      'It is parked in DEADLETTERS and can be replayed when the cause is mended. Acknowledge when done.',
    closing: { by: 'ack' },
    parts: [],
  }),
  AccessDenied: (event) => ({
    type: 'condition',
    rule: 'access_denied_burst',
    key: event.data.remote_address,
    host: event.data.host,
    severity: 'high',
    headline: `Many refused requests from ${event.data.remote_address} on ${event.data.host}`,
    advice: `\`holdfast audit query --type AccessDenied\` lists them. Revoke the token if it is one of yours.`,
    closing: { by: 'quiet', quiet_ms: ACCESS_QUIET_MS },
    parts: [],
    threshold: ACCESS_BURST,
  }),
  EventStoreRewound: (event) => ({
    type: 'condition',
    rule: 'event_store_rewound',
    key: event.data.stream,
    host: hostOf(event),
    severity: 'critical',
    headline: `The event store lost history: ${event.data.stream} stands at ${event.data.actual_seq}, not ${event.data.expected_seq}`,
    advice: 'Run `holdfast audit verify`, and look at the disk under the event store.',
    closing: { by: 'ack' },
    parts: [],
  }),
};

/** The event types that alerting reads. */
export const OBSERVED_TYPES = Object.keys(RULES_BY_EVENT) as EventType[];

/** What an event means to alerting; null where it means nothing. */
export function observe(event: HoldfastEvent, context: RuleContext): Observation | null {
  const rule = RULES_BY_EVENT[event.type] as Rule<EventType> | undefined;
  const found = rule?.(event, context) ?? null;
  if (found === null) return null;
  const at_ms = Date.parse('detected_at' in event.data ? event.data.detected_at : event.time);
  if (found.type !== 'condition') return { ...found, at_ms };
  return { ...found, severity: context.severities[found.rule] ?? found.severity, at_ms };
}
