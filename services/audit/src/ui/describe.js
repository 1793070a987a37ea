const BAD =
  /^(FileDeleted|FileCorrupted|RecoveryFailed|ManualRecoveryRequired|Backup\w*Failed|BackupOverdue|NotificationFailed|WatchRootLost|ExpectationViolated|PartialDeletionDetected|MassChangeDetected|EventStoreRewound|DeadLettered)$/;
const GOOD = /^(FileRecovered|AlertResolved|BackupVerified|BackupRestored)$/;
const NOTE =
  /^(AlertFired|NotificationSent|AccessDenied|WatchGapDetected|RecoveryStarted|RecoverySuperseded)$/;

/** How an event looks: bad, good, of note, or plain. */
export function toneOf(type) {
  if (BAD.test(type)) return 'bad';
  if (GOOD.test(type)) return 'good';
  return NOTE.test(type) ? 'note' : 'plain';
}

const SENTENCES = {
  FileDeleted: (data) => `deleted; noticed by ${data.detected_by}, ${size(data.size)} wanted back`,
  FileCorrupted: (data) => `damaged (${data.reason}): ${data.detail}`,
  FileModified: (data) => `changed, now ${size(data.size)}`,
  FileMoved: (data) => `moved here from ${data.from}`,
  FileRegistered: (data) => `protected from now on, ${size(data.size)}`,
  FilesRegistered: (data) => `${count(data.files.length, 'file')} of ${data.source} protected from now on`,
  FileRetired: (data) => `gone for good: ${data.reason}`,
  PartialDeletionDetected: ({ folders: [worst], files_lost }) =>
    `${worst.folder} lost ${worst.files_lost} of its ${count(worst.files_known, 'file')}; ${count(files_lost, 'file')} in all`,
  ExpectationViolated: (data) =>
    data.cleared_at === undefined
      ? `${data.pattern}: ${data.reasons.map(({ detail }) => detail).join('; ')}`
      : `${data.pattern} is as expected again`,
  RecoveryStarted: (data) => `${count(data.files, 'file')} to bring back`,
  FileRecovered: (data) =>
    `back ${data.exact ? 'byte for byte' : 'in an older version'}, ${size(data.bytes)}, ${took(data.duration_ms)} after it was lost`,
  RecoverySuperseded: (data) => `no recovery needed: ${data.reason}`,
  RecoveryFailed: (data) => `not brought back: ${data.error.message}`,
  ManualRecoveryRequired: (data) => `a person is needed: ${data.reason}`,
  BackupCreated: ({ manifest }) =>
    `${manifest.backup_type} backup (${manifest.reason}): ${manifest.files_new} new, ${manifest.files_changed} changed, ${manifest.files_removed} gone; ${size(manifest.bytes_stored)} stored`,
  BackupFailed: (data) => `backup failed: ${data.error.message}`,
  AlertFired: (data) => `${data.severity}: ${data.summary}`,
  AlertResolved: (data) => `over: ${data.summary}`,
  NotificationSent: (data) => `people were told by ${data.channel} (${data.kind})`,
  NotificationFailed: (data) => `${data.channel} could not be reached: ${data.error.message}`,
  AccessDenied: (data) => `${data.method} ${data.route} refused: needs ${data.role_needed}`,
  TokenCreated: (data) => `token for ${data.name} (${data.role})`,
  TokenRevoked: (data) => `token of ${data.name} revoked`,
};

/** One line for a person; empty where there is nothing to add to the type. */
export function sentence(event) {
  try {
    return SENTENCES[event.type]?.(event.data) ?? '';
  } catch {
    // An event of another version: its type and data are shown all the same.
    return '';
  }
}

export function took(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

export function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

function size(bytes) {
  const unit = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}
