import { isCollapse } from './collapse.ts';
import {
  type Decision,
  type DetectedBy,
  type Draft,
  type Facts,
  type FileRow,
  isBadContent,
  type LossCase,
  NOTHING,
  type Problem,
  type RetiredReason,
  type Sighting,
  stands,
} from './state.ts';

/** When and where a decision is made. */
export interface Moment {
  readonly host: string;
  readonly now_ms: number;
  /** The incident that a loss of this source and kind belongs to now. */
  incidentId(source: string, kind: 'missing' | 'corrupted'): string;
}

/** A file was read after it had settled. */
export function observeFile(row: FileRow | undefined, seen: Sighting, moment: Moment): Decision {
  const decision = decideOn(row, seen, moment);
  const isGood = decision.put.some(({ path, state }) => path === seen.path && state === 'present');
  if (seen.sessions === undefined || !isGood) return decision;
  return { ...decision, sessions: { path: seen.path, ids: seen.sessions } };
}

function decideOn(row: FileRow | undefined, seen: Sighting, moment: Moment): Decision {
  if (row === undefined || row.state === 'retired') return register(row, seen, moment);
  if (row.state === 'present') return observePresent(row, seen, moment);
  if (row.state === 'suspect') return observeSuspect(row, seen, moment);
  return observeLost(row, seen, moment);
}

/** Nothing stands at the path, for certain. With an excuse its absence is no loss. */
export function observeAbsence(
  row: FileRow | undefined,
  absence: { by: DetectedBy; excuse?: RetiredReason | undefined },
  moment: Moment,
): Decision {
  if (row === undefined || row.state === 'retired') return NOTHING;
  if (absence.excuse !== undefined) return retire(row, absence.excuse, moment);
  // A lost file is told once. A corrupted one goes away on its way to the quarantine.
  if (!stands(row)) return NOTHING;
  const loss = openCase(row, 'missing', moment);
  const version = row.version + 1;
  const { path, source, facts } = row;
  return {
    put: [{ path, source, facts, version, state: 'missing', loss }],
    remove: [],
    events: [
      {
        type: 'FileDeleted',
        subject: path,
        aggregateversion: version,
        correlationid: loss.correlationid,
        data: lostData(row, absence.by, moment),
      },
    ],
  };
}

/** The file of one row stands under another name now; what was known of the new name is overwritten. */
export function moveFile(
  from: FileRow,
  to: { path: string; source: string; facts: Facts; row: FileRow | undefined },
  moment: Moment,
): Decision {
  const { path, source, facts } = to;
  const version = Math.max(from.version, to.row?.version ?? 0) + 1;
  const state = from.state === 'suspect' ? 'suspect' : 'present';
  return {
    put: [{ path, source, facts, version, state }],
    remove: [from.path],
    moved: { from: from.path, to: path },
    events: [
      {
        type: 'FileMoved',
        subject: path,
        aggregateversion: version,
        ...(to.row !== undefined && correlationOf(to.row)),
        data: { ...fileFacts(moment.host, source, path, facts), from: from.path },
      },
    ],
  };
}

/** What was told of the end of a case: about the loss of which time. */
interface Outcome {
  readonly lost_at_ms: number;
}

/** Recovery put a version back. Its own bytes are what is wanted from now on: they are no change. */
export function recoverFile(row: FileRow | undefined, outcome: Outcome & { checksum: string }): Decision {
  if (!isAbout(row, outcome)) return NOTHING;
  const { path, source, facts, version } = row;
  const recovered = { ...UNSEEN, size: facts.size, checksum: outcome.checksum };
  return keep({ path, source, version, state: 'present', facts: recovered });
}

/** The case is over without a recovery, and nothing stands there: the absence is accepted. */
export function acceptAbsence(row: FileRow | undefined, outcome: Outcome): Decision {
  if (!isAbout(row, outcome)) return NOTHING;
  const { path, source, facts, version } = row;
  return keep({ path, source, facts, version, state: 'retired', reason: 'policy' });
}

/** False for the end of an earlier case: the file was lost again since. */
function isAbout(row: FileRow | undefined, { lost_at_ms }: Outcome): row is FileRow & { loss: LossCase } {
  return row !== undefined && 'loss' in row && lost_at_ms >= row.loss.opened_at_ms;
}

// A stat that no file has: the next look at the path reads it.
const UNSEEN = { mtime_ns: '', ctime_ns: '', inode: '' } as const;

function register(row: FileRow | undefined, seen: Sighting, moment: Moment): Decision {
  const version = (row?.version ?? 0) + 1;
  const state = isBad(seen) ? 'suspect' : 'present';
  const { path, source, facts } = seen;
  return {
    put: [{ path, source, facts, version, state }],
    remove: [],
    events: [
      {
        type: 'FileRegistered',
        subject: path,
        aggregateversion: version,
        data: fileFacts(moment.host, source, path, facts),
      },
    ],
  };
}

function observePresent(row: FileRow, seen: Sighting, moment: Moment): Decision {
  if (seen.facts.checksum === row.facts.checksum) return keep(standing(row, seen));
  const problems = problemsOf(row, seen);
  return problems.length === 0 ? modify(row, seen, moment) : corrupt(row, seen, problems, moment);
}

function observeSuspect(row: FileRow, seen: Sighting, moment: Moment): Decision {
  const state = isBad(seen) ? 'suspect' : 'present';
  if (seen.facts.checksum === row.facts.checksum) return keep({ ...standing(row, seen), state });
  const { put, ...rest } = modify(row, seen, moment);
  return { ...rest, put: put.map((next) => ({ ...next, state })) };
}

function observeLost(row: FileRow & { loss: LossCase }, seen: Sighting, moment: Moment): Decision {
  if (seen.facts.checksum === row.facts.checksum) return keep(standing(row, seen));
  if (!isBad(seen)) return modify(row, seen, moment);
  // Other bad bytes at the place of an open case are the same case.
  if (row.state === 'corrupted')
    return keep({ ...row, actual: seen.facts, problems: seen.verdict.problems ?? [] });
  return corrupt(row, seen, seen.verdict.problems ?? [], moment);
}

const UNKNOWN_PROBLEM: Problem = { reason: 'checksum', detail: 'not the bytes that were registered' };
const ROT: Problem = {
  reason: 'checksum',
  detail: 'the content changed while size, mtime and ctime did not',
};

function isBad(seen: Sighting): boolean {
  return isBadContent(seen.verdict) && seen.intended !== true;
}

/** All that is wrong with a change of a good file: what explains the most comes first. */
function problemsOf(row: FileRow, seen: Sighting): readonly Problem[] {
  if (seen.intended) return [];
  const { judged, problems = [] } = seen.verdict;
  const rot = seen.scrubbed && sameStat(row.facts, seen.facts) ? [ROT] : [];
  const collapsed = isCollapse(row.path, row.facts.size, seen.facts.size);
  // What validators find good may have been cut down by its program.
  const counts = collapsed && (!judged || problems.length > 0);
  const detail = `${row.facts.size} bytes became ${seen.facts.size}`;
  return [...rot, ...problems, ...(counts ? [{ reason: 'size', detail } as const] : [])];
}

/** True where no write can have happened between the two, as far as a stat can tell. The device is left out: its number changes with each mount. */
export function sameStat(one: Omit<Facts, 'checksum'>, other: Omit<Facts, 'checksum'>): boolean {
  return (
    one.size === other.size &&
    one.mtime_ns === other.mtime_ns &&
    one.ctime_ns === other.ctime_ns &&
    one.inode.split(':')[1] === other.inode.split(':')[1]
  );
}

function modify(row: FileRow, seen: Sighting, moment: Moment): Decision {
  const { path, source, facts } = seen;
  const version = row.version + 1;
  return {
    put: [{ path, source, facts, version, state: 'present' }],
    remove: [],
    events: [
      {
        type: 'FileModified',
        subject: path,
        aggregateversion: version,
        ...correlationOf(row),
        data: { ...fileFacts(moment.host, source, path, facts), previous_checksum: row.facts.checksum },
      },
    ],
  };
}

function corrupt(row: FileRow, seen: Sighting, problems: readonly Problem[], moment: Moment): Decision {
  const [{ reason, detail } = UNKNOWN_PROBLEM] = problems;
  const loss = 'loss' in row ? row.loss : openCase(row, 'corrupted', moment);
  const version = row.version + 1;
  const { path, source, facts } = row;
  return {
    put: [{ path, source, facts, version, state: 'corrupted', loss, actual: seen.facts, problems }],
    remove: [],
    events: [
      {
        type: 'FileCorrupted',
        subject: path,
        aggregateversion: version,
        correlationid: loss.correlationid,
        data: {
          ...lostData(row, seen.by, moment),
          reason,
          detail,
          reasons: problems.map((problem) => ({ ...problem })),
          actual_checksum: seen.facts.checksum,
          actual_size: seen.facts.size,
        },
      },
    ],
  };
}

/** What a loss of either kind tells: the version that is gone, and how that was seen. */
function lostData({ path, source, facts }: FileRow, detected_by: DetectedBy, { host, now_ms }: Moment) {
  const { size, checksum } = facts;
  return { host, source, path, size, checksum, detected_at: timestamp(now_ms), detected_by };
}

function retire(row: FileRow, reason: RetiredReason, moment: Moment): Decision {
  const { path, source, facts } = row;
  const version = row.version + 1;
  return {
    put: [{ path, source, facts, version, state: 'retired', reason }],
    remove: [],
    events: [
      {
        type: 'FileRetired',
        subject: path,
        aggregateversion: version,
        ...correlationOf(row),
        data: { ...fileFacts(moment.host, source, path, facts), reason },
      },
    ],
  };
}

function openCase(row: FileRow, kind: 'missing' | 'corrupted', moment: Moment): LossCase {
  return { correlationid: moment.incidentId(row.source, kind), opened_at_ms: moment.now_ms };
}

function standing(row: FileRow, seen: Sighting): FileRow {
  const { path, version } = row;
  return { path, version, source: seen.source, facts: seen.facts, state: 'present' };
}

function keep(row: FileRow): Decision {
  return { put: [row], remove: [], events: [] };
}

function correlationOf(row: FileRow): Pick<Draft, 'correlationid'> {
  return 'loss' in row ? { correlationid: row.loss.correlationid } : {};
}

function fileFacts(host: string, source: string, path: string, facts: Facts) {
  const { size, checksum } = facts;
  return {
    host,
    source,
    path,
    size,
    mtime: timestamp(Number(BigInt(facts.mtime_ns || 0) / 1_000_000n)),
    checksum,
  };
}

// Four-digit years are all that RFC 3339 has; a file may claim any time.
const TIME_MAX = Date.parse('9999-12-31T23:59:59.999Z');
const TIME_MIN = Date.parse('0000-01-01T00:00:00.000Z');

function timestamp(time_ms: number): string {
  return new Date(Math.min(TIME_MAX, Math.max(TIME_MIN, time_ms))).toISOString();
}
