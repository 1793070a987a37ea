import { worse } from '../rule/severity.ts';
import type { Message } from './message.ts';

const NAMED = 10;
const SUMMARIES = 20;
const MERGED_MAX = 100;

function summed(messages: readonly Message[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { counts } of messages)
    for (const [name, n] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + n;
  return sum;
}

function subjectOf(messages: readonly Message[], counts: Record<string, number>): string {
  const lost = (counts['deleted'] ?? 0) + (counts['corrupted'] ?? 0);
  const told = [
    [lost, lost === 1 ? 'file lost' : 'files lost'],
    [counts['recovered'] ?? 0, 'recovered'],
    [counts['failed'] ?? 0, 'NOT recovered'],
  ] as const;
  const figures = told.filter(([n]) => n > 0).map(([n, name]) => `${n.toLocaleString('en-US')} ${name}`);
  const hosts = [...new Set(messages.flatMap((message) => message.hosts))].slice(0, NAMED);
  return `${messages.length.toLocaleString('en-US')} alerts at once${figures.length > 0 ? `: ${figures.join(', ')}` : ''} (${hosts.join(', ')})`;
}

/** Worst first; of the same severity, in the order they came. */
function byWeight(messages: readonly Message[]): Message[] {
  return messages.toSorted((a, b) => {
    if (a.severity === b.severity) return 0;
    return worse(a.severity, b.severity) === a.severity ? -1 : 1;
  });
}

/**
 * One message for many that wait for the same channel, oldest first: of each alert its newest, counts added up exactly,
 * the worst alerts named. It goes under the first one's ids.
 */
export function mergeMessages(waiting: readonly [Message, ...Message[]]): Message {
  const newest = [...new Map(waiting.map((message) => [message.alert_id, message])).values()];
  const [first] = waiting;
  const [worst] = byWeight(newest);
  if (newest.length === 1 || worst === undefined) return newest[0] ?? first;
  const counts = summed(newest);
  const more = newest.length - SUMMARIES;
  const paths = newest.flatMap((message) => message.paths);
  return {
    ...first,
    kind: 'digest',
    severity: worst.severity,
    status: newest.every(({ status }) => status === 'resolved') ? 'resolved' : 'firing',
    subject: subjectOf(newest, counts),
    details: [
      ...byWeight(newest)
        .slice(0, SUMMARIES)
        .map(({ subject }) => subject),
      ...(more > 0 ? [`and ${more.toLocaleString('en-US')} alerts more`] : []),
    ],
    counts,
    hosts: [...new Set(newest.flatMap((message) => message.hosts))],
    sources: [...new Set(newest.flatMap((message) => message.sources))],
    paths: paths.slice(0, NAMED),
    paths_more:
      Math.max(0, paths.length - NAMED) + newest.reduce((sum, { paths_more }) => sum + paths_more, 0),
    failures: newest.flatMap(({ failures }) => failures).slice(0, NAMED),
    merged: newest.slice(0, MERGED_MAX).map(({ alert_id, correlation_id, subject, counts: own }) => ({
      alert_id,
      correlation_id,
      summary: subject,
      counts: own,
    })),
  };
}
