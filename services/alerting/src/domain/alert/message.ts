import type { Severity } from '@holdfast/contracts/alert-events';
import type { RuleName } from '../rule/observation.ts';
import {
  type Alert,
  type Failure,
  type Figures,
  figuresOf,
  type LossAlert,
  type MessageKind,
} from './state.ts';
import { count, duration, fileName, printable } from './wording.ts';

/** What people are told, before any channel has made it its own. Plain text: paths are printable, nothing is escaped. */
export interface Message {
  alert_id: string;
  fingerprint: string;
  rule: RuleName | 'test';
  severity: Severity;
  kind: MessageKind | 'test';
  status: 'firing' | 'resolved';
  correlation_id: string;
  /** One line: what happened, what became of it, where. */
  subject: string;
  /** A few sentences more, the outcome first. */
  details: string[];
  counts: Figures;
  hosts: string[];
  sources: string[];
  /** The first ten, and how many more there are. */
  paths: string[];
  paths_more: number;
  failures: Failure[];
  started_at_ms: number;
  resolved_at_ms: number | null;
  /** Where to read on, by name. */
  links: Record<string, string>;
  /** The alerts that this one message tells of, where it is more than one. */
  merged: { alert_id: string; correlation_id: string; summary: string; counts: Figures }[];
}

function losses(alert: LossAlert): number {
  return alert.counts.deleted + alert.counts.corrupted + alert.counts.requested;
}

function whatHappened({ counts }: LossAlert): string {
  const { deleted, corrupted, requested } = counts;
  if (deleted + corrupted === 0) return `${count(requested, 'file')} asked for`;
  if (corrupted === 0) return `${count(deleted, 'file')} deleted`;
  if (deleted === 0) return `${count(corrupted, 'file')} corrupted`;
  return `${count(deleted, 'file')} deleted, ${corrupted.toLocaleString('en-US')} corrupted`;
}

function took(alert: LossAlert): string {
  const { deleted, corrupted, requested } = alert.counts;
  if (deleted + corrupted + requested === 1) return duration(alert.longest_recovery_ms);
  return duration(Math.max(alert.longest_recovery_ms, alert.changed_at_ms - alert.started_at_ms));
}

function parts(counts: LossAlert['counts']): string {
  const named = [
    [counts.recovered, 'recovered'],
    [counts.failed, 'NOT recovered'],
    [counts.superseded, 'back or no longer wanted'],
    [counts.open, 'still open'],
  ] as const;
  return named
    .filter(([n]) => n > 0)
    .map(([n, name]) => `${n.toLocaleString('en-US')} ${name}`)
    .join(', ');
}

function whatBecame(alert: LossAlert): string {
  const { counts } = alert;
  const all = losses(alert);
  if (counts.recovered === all) return ` and recovered in ${took(alert)}`;
  if (counts.failed === all) return ' and NOT recovered';
  if (counts.superseded === all) return ', back or no longer wanted';
  if (counts.open < all) return `: ${parts(counts)}`;
  return alert.heals ? ', recovery under way' : '';
}

function lossSubject(alert: LossAlert): string {
  const only = losses(alert) === 1 ? `: ${fileName(alert.paths[0] ?? '')}` : '';
  const place = `${alert.sources.join(', ')} on ${alert.hosts.join(', ')}`;
  return `${whatHappened(alert)}${whatBecame(alert)}${only} (${printable(place)})`;
}

const FOLDERS_SHOWN = 3;

function depleted({ folder, files_lost, files_known }: NonNullable<LossAlert['folders']>[number]): string {
  const lost = files_lost.toLocaleString('en-US');
  return `${printable(folder)} lost ${lost} of its ${count(files_known, 'file')}.`;
}

function lossDetails(alert: LossAlert): string[] {
  const { counts } = alert;
  const details = (alert.folders ?? []).slice(0, FOLDERS_SHOWN).map(depleted);
  if (counts.failed > 0)
    details.push(`${count(counts.failed, 'file')} could not be put back by itself: somebody must look.`);
  if (counts.inexact > 0)
    details.push(
      `${count(counts.inexact, 'file')} came back from an older version: the last bytes were never backed up.`,
    );
  if (counts.open > 0 && !alert.heals)
    details.push(
      'The policy of this source is to tell, not to put back: `holdfast recover --file PATH` does.',
    );
  if (counts.open > 0 && alert.heals)
    details.push(`${count(counts.open, 'file')} being put back; the outcome follows.`);
  if (counts.recovered === losses(alert) && counts.inexact === 0)
    details.push('Every file stands again, byte for byte. Nothing is left to do.');
  return details;
}

function statusOf(alert: Alert): Message['status'] {
  return alert.status === 'resolved' ? 'resolved' : 'firing';
}

function describeLoss(alert: LossAlert) {
  return {
    subject: lossSubject(alert),
    details: lossDetails(alert),
    sources: [...alert.sources],
    paths: alert.paths.map(printable),
    paths_more: Math.max(0, losses(alert) - alert.paths.length),
    failures: alert.failures.map((failure) => ({
      path: printable(failure.path),
      reason: printable(failure.reason),
      steps: failure.steps.map(printable),
    })),
  };
}

function describeCondition(alert: Extract<Alert, { kind: 'condition' }>) {
  const times = alert.occurrences > 1 ? ` (${alert.occurrences.toLocaleString('en-US')} times)` : '';
  const over = alert.status === 'resolved' ? 'Over: ' : '';
  return {
    subject: `${over}${printable(alert.headline)}${times}`,
    details: [alert.advice],
    sources: [],
    paths: [],
    paths_more: 0,
    failures: [],
  };
}

/** One line for a person: what AlertFired and lists carry. */
export function summaryOf(alert: Alert): string {
  return alert.kind === 'loss' ? lossSubject(alert) : describeCondition(alert).subject;
}

/** Puts an alert into words, as it stands now. `base_url` is where the system answers. */
export function messageOf(alert: Alert, kind: MessageKind, base_url: string): Message {
  const described = alert.kind === 'loss' ? describeLoss(alert) : describeCondition(alert);
  return {
    alert_id: alert.alert_id,
    fingerprint: alert.fingerprint,
    rule: alert.rule,
    severity: alert.severity,
    kind,
    status: statusOf(alert),
    correlation_id: alert.correlation_id,
    ...described,
    counts: figuresOf(alert),
    hosts: [...alert.hosts],
    started_at_ms: alert.started_at_ms,
    resolved_at_ms: alert.resolved_at_ms,
    links: {
      alert: `${base_url}/api/alerts?correlation_id=${encodeURIComponent(alert.correlation_id)}`,
      story: `${base_url}/api/audit/events?correlation_id=${encodeURIComponent(alert.correlation_id)}`,
    },
    merged: [],
  };
}

/** What `POST /api/alerts/test` sends. */
export function testMessage(alert_id: string, host: string, asked: { by: string; now_ms: number }): Message {
  return {
    alert_id,
    fingerprint: `test/${alert_id}`,
    rule: 'test',
    severity: 'info',
    kind: 'test',
    status: 'resolved',
    correlation_id: alert_id,
    subject: `Test message from Holdfast on ${host}: this channel works`,
    details: [`Asked for by ${printable(asked.by)}. Nothing is wrong.`],
    counts: {},
    hosts: [host],
    sources: [],
    paths: [],
    paths_more: 0,
    failures: [],
    started_at_ms: asked.now_ms,
    resolved_at_ms: asked.now_ms,
    links: {},
    merged: [],
  };
}
