import type { z } from 'zod';
import * as alert from './alert-events.ts';
import * as backup from './backup-events.ts';
import type { CloudEvent } from './envelope.ts';
import * as file from './file-events.ts';
import * as recovery from './recovery-events.ts';
import * as schedule from './schedule-events.ts';
import * as storage from './storage-events.ts';
import * as system from './system-events.ts';

export const SERVICES = ['monitor', 'backup', 'recovery', 'alerting', 'audit'] as const;
export type ServiceName = (typeof SERVICES)[number];

type Publisher = ServiceName | 'any';
interface EventKind {
  /** Second token of the subject: the aggregate that the event belongs to. */
  noun: string;
  /** The only service that may publish it. */
  publisher: Publisher;
  /** Of the data schema; older events are raised to it by upcast.ts. */
  version: number;
  schema: z.ZodType;
}

const kind = <Schema extends z.ZodType>(noun: string, publisher: Publisher, schema: Schema, version = 1) => ({
  noun,
  publisher,
  version,
  schema,
});

/** Every event there is. Subjects, permissions, docs/events.md and validation all follow this table. */
export const EVENTS = {
  FileRegistered: kind('file', 'monitor', file.FileRegistered),
  FilesRegistered: kind('file', 'monitor', file.FilesRegistered),
  FileModified: kind('file', 'monitor', file.FileModified),
  FileMoved: kind('file', 'monitor', file.FileMoved),
  FileRetired: kind('file', 'monitor', file.FileRetired),
  FileDeleted: kind('file', 'monitor', file.FileDeleted),
  FileCorrupted: kind('file', 'monitor', file.FileCorrupted),
  PartialDeletionDetected: kind('incident', 'monitor', file.PartialDeletionDetected),
  MassChangeDetected: kind('source', 'monitor', file.MassChangeDetected),
  ExpectationViolated: kind('expectation', 'monitor', file.ExpectationViolated),
  WatchGapDetected: kind('watch', 'monitor', file.WatchGapDetected),
  WatchRootLost: kind('watch', 'monitor', file.WatchRootLost),
  BackupRequested: kind('backup', 'backup', backup.BackupRequested),
  BackupStarted: kind('backup', 'backup', backup.BackupStarted),
  BackupFailed: kind('backup', 'backup', backup.BackupFailed),
  BackupCancelled: kind('backup', 'backup', backup.BackupCancelled),
  BackupCreated: kind('backup', 'backup', backup.BackupCreated),
  BackupVerified: kind('backup', 'backup', backup.BackupVerified),
  BackupVerificationFailed: kind('backup', 'backup', backup.BackupVerificationFailed),
  BackupRestored: kind('backup', 'backup', backup.BackupRestored),
  BackupDeleted: kind('backup', 'backup', backup.BackupDeleted),
  BackupHeld: kind('backup', 'backup', backup.BackupHeld),
  BackupHoldReleased: kind('backup', 'backup', backup.BackupHoldReleased),
  MassChangeReleased: kind('source', 'backup', backup.MassChangeReleased),
  BackupCopied: kind('backup', 'backup', storage.BackupCopied),
  BackupCopyRemoved: kind('backup', 'backup', storage.BackupCopyRemoved),
  TierUnavailable: kind('storage', 'backup', storage.TierUnavailable),
  StorageThresholdCrossed: kind('storage', 'backup', storage.StorageThresholdCrossed),
  RetentionApplied: kind('retention', 'backup', backup.RetentionApplied),
  BackupOverdue: kind('backup', 'backup', backup.BackupOverdue),
  ScheduleModified: kind('schedule', 'backup', schedule.ScheduleModified),
  RecoveryStarted: kind('recovery', 'recovery', recovery.RecoveryStarted),
  FileRecovered: kind('file', 'recovery', recovery.FileRecovered),
  RecoveryFailed: kind('recovery', 'recovery', recovery.RecoveryFailed),
  RecoverySuperseded: kind('recovery', 'recovery', recovery.RecoverySuperseded),
  ManualRecoveryRequired: kind('recovery', 'recovery', recovery.ManualRecoveryRequired),
  AlertFired: kind('alert', 'alerting', alert.AlertFired),
  AlertResolved: kind('alert', 'alerting', alert.AlertResolved),
  AlertAcknowledged: kind('alert', 'alerting', alert.AlertAcknowledged),
  SilenceCreated: kind('alert', 'alerting', alert.SilenceCreated),
  SilenceRemoved: kind('alert', 'alerting', alert.SilenceRemoved),
  NotificationSent: kind('alert', 'alerting', alert.NotificationSent),
  NotificationFailed: kind('alert', 'alerting', alert.NotificationFailed),
  TokenCreated: kind('access', 'audit', system.TokenCreated),
  TokenRevoked: kind('access', 'audit', system.TokenRevoked),
  AccessDenied: kind('access', 'any', system.AccessDenied),
  ServiceStarted: kind('service', 'any', system.ServiceStarted),
  DeadLettered: kind('service', 'any', system.DeadLettered),
  EventStoreRewound: kind('store', 'audit', system.EventStoreRewound),
} as const satisfies Record<string, EventKind>;

export type EventType = keyof typeof EVENTS;
export type EventData<Type extends EventType> = z.infer<(typeof EVENTS)[Type]['schema']>;
/** An event of the catalogue: the union narrows on `type`. */
export type HoldfastEvent<Type extends EventType = EventType> = Type extends EventType
  ? CloudEvent<Type, EventData<Type>>
  : never;

/** True where the catalogue knows the name. */
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENTS, type);
}
