import type { BackupRequest, ReadPass } from '../api.ts';
import { throwIfAborted } from '../errors.ts';
import { diffTrees } from '../tree/diff.ts';
import { type Pass, type PassBefore, type PassParts, readPass } from './read-pass.ts';

const PATHS_TOLD = 20;
const FILE = 0;

interface Settling {
  readonly request: BackupRequest;
  readonly parent: PassBefore | undefined;
  readonly first: Pass;
}

/** Reads again what changed, as often as the request wants it; the tree and all counts after the last pass. */
export async function settle(parts: PassParts, { request, parent, first }: Settling): Promise<Pass> {
  const wantsMore = request.settle;
  if (wantsMore === undefined || request.dry_run) return first;
  const { files_new, files_changed, files_removed } = first.counts;
  let told: ReadPass = { number: 1, changed: files_new + files_changed + files_removed, paths: [] };
  let last = first;
  while (await wantsMore(told)) {
    throwIfAborted(request.signal);
    const { pass, edited } = await readAgain(parts, request, last);
    const bytes_read = last.counts.bytes_read + pass.counts.bytes_read;
    last = { ...pass, counts: { ...pass.counts, bytes_read } };
    told = { number: told.number + 1, changed: edited.size, paths: [...edited].slice(0, PATHS_TOLD) };
  }
  if (last === first) return first;
  return { ...last, counts: { ...last.counts, ...(await countsOf(parts, { parent, first, last })) } };
}

async function readAgain(parts: PassParts, request: BackupRequest, before: Pass) {
  // Its nodes are looked up like those of any other tree.
  await makeReadable(parts);
  const { on_progress: _told, changes: _all, ...wanted } = request;
  const edited = new Set<string>();
  const on_edit = (path: string) => void edited.add(path);
  const pass = await readPass(parts, { request: { ...wanted, full: false }, before, on_edit });
  return { pass, edited };
}

async function makeReadable({ sink, packs }: PassParts): Promise<void> {
  sink.flush();
  await packs.checkpoint();
}

interface Passes {
  readonly parent: PassBefore | undefined;
  readonly first: Pass;
  readonly last: Pass;
}

/** What all passes together found: a file that changed twice has changed once. */
async function countsOf(parts: PassParts, { parent, first, last }: Passes) {
  const { files_new, files_changed, files_removed } = first.counts;
  if (last.root.id.equals(first.root.id)) return { files_new, files_changed, files_removed };
  const counts = { files_new: 0, files_changed: 0, files_removed: 0 };
  if (parent === undefined) return { ...counts, files_new: last.root.files };
  await makeReadable(parts);
  const [was, is] = [parent, last].map(({ root }) => root.id.toString('hex')) as [string, string];
  for await (const { before, after } of diffTrees(parts.engine.nodes.load, [was, is])) {
    if (before?.[0] === FILE && after?.[0] === FILE) counts.files_changed += 1;
    else if (after?.[0] === FILE) counts.files_new += 1;
    else if (before?.[0] === FILE) counts.files_removed += 1;
  }
  return counts;
}
