import type { Draft } from './state.ts';

/** Most files that one `FilesRegistered` holds. */
export const GROUP_MAX = 1000;
const GROUP_BYTES_MAX = 400_000;

type Registered = Extract<Draft, { type: 'FileRegistered' }>;

/** The first registrations of a source, folded: up to 1,000 files an event and no more than a message carries. Other events stay as they are. */
export function groupRegistrations(drafts: readonly Draft[]): Draft[] {
  const groups = new Map<string, Registered[][]>();
  const others: Draft[] = [];
  for (const draft of drafts) {
    if (draft.type === 'FileRegistered') addTo(groups, draft);
    else others.push(draft);
  }
  const folded = [...groups.values()].flat().map(fold);
  return [...folded.filter((draft) => draft !== undefined), ...others];
}

function addTo(groups: Map<string, Registered[][]>, draft: Registered) {
  const lists = groups.get(draft.data.source) ?? [];
  const last = lists.at(-1);
  const bytes = last?.reduce((sum, { subject }) => sum + subject.length * 3 + 200, 0) ?? 0;
  if (last === undefined || last.length >= GROUP_MAX || bytes > GROUP_BYTES_MAX) lists.push([draft]);
  else last.push(draft);
  groups.set(draft.data.source, lists);
}

function fold(drafts: readonly Registered[]): Draft | undefined {
  const [first] = drafts;
  if (first === undefined) return undefined;
  const { host, source } = first.data;
  const files = drafts.map(({ data: { host: _host, source: _source, ...file } }) => file);
  return { type: 'FilesRegistered', subject: source, aggregateversion: 0, data: { host, source, files } };
}
