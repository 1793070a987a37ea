import { resolve, sep } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError } from '@holdfast/contracts/errors';
import { RestoreBody, RestoreResult } from '@holdfast/contracts/http/backup';
import { actorOf } from '@holdfast/http/caller';
import { type Asked, PROGRESS_NOTE, replyWithProgress } from '@holdfast/http/progress-reply';
import type { HttpServer } from '@holdfast/http/server';
import type { RestoreResult as Restored, RestoreRequest } from '@holdfast/repository/api';
import { createWorkMeter } from '@holdfast/runtime/work-meter';
import { pathFilter } from '../adapters/backup-run/path-filter.ts';
import { metered, restoringFiles } from '../adapters/file-progress.ts';
import { isGroupId } from '../adapters/moments/snapshot-groups.ts';
import { type Located, readCopy } from '../adapters/tiers/read-copies.ts';
import { compareRestored, type Difference } from '../adapters/verification/compare-restored.ts';
import { answered, type RouteDeps, requireManifest } from './deps.ts';
import { restoreGroup } from './restore-group.ts';

/** `POST /api/backup/restore`: puts files of a backup below a folder, and compares them. Each that fails is named. */
export function restoreFiles(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Restore files of a backup into a folder',
    description: PROGRESS_NOTE,
    body: RestoreBody,
    response: { 200: RestoreResult },
  };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.post('/api/backup/restore', route, (request, reply) =>
    replyWithProgress({ request, reply, ...deps.context }, (asked) => {
      const { body, caller } = request;
      const restoreOne = async (wanted: RestoreBody) => {
        const result = await answered(restore(deps, wanted, asked), asked.signal);
        if (!body.dry_run) tell(deps, result, actorOf(caller));
        return result;
      };
      return isGroupId(body.backup_id) ? restoreGroup(deps, body, restoreOne) : restoreOne(body);
    }),
  );
}

async function restore(
  deps: RouteDeps,
  body: RestoreBody,
  { signal, report }: Asked,
): Promise<RestoreResult> {
  const started = performance.now();
  const manifest = requireManifest(deps, body.backup_id);
  const { backup_id } = manifest;
  const target = resolve(body.target_path);
  refuseOwnFolder(deps.context.data_dir, target);
  const select = body.files === undefined ? () => true : pathFilter(body.files);
  const { restored, copy } = await restoreAny(deps, manifest, {
    target,
    select,
    dry_run: body.dry_run,
    on_progress: (progress) => report(restoringFiles(progress)),
    signal,
  });
  const { files, bytes, failed } = restored;
  if (files + failed.length === 0 && body.files !== undefined) {
    throw new HoldfastError('not_found', `${backup_id} holds nothing that matches ${body.files.join(', ')}`);
  }
  const compare = body.verify && !body.dry_run;
  const differ = compare ? await compareFiles({ restored, copy }, { target, select, signal, report }) : [];
  return {
    backup_id,
    target_path: target,
    files_restored: files - differ.length,
    bytes_restored: bytes,
    verified: compare,
    failed: [...failed, ...differ],
    duration_ms: Math.round(performance.now() - started),
  };
}

interface RestoredCopy {
  readonly restored: Restored;
  readonly copy: Located;
}

/**
 * Restores from the nearest copy. Where something of it is damaged, the next one has a try (what stands already is not
 * written again); where no copy is whole, what could be restored counts, and what could not is named.
 */
async function restoreAny(
  deps: RouteDeps,
  manifest: BackupManifest,
  request: Omit<RestoreRequest, 'snapshot_id'>,
): Promise<RestoredCopy> {
  const partial: RestoredCopy[] = [];
  try {
    return await readCopy(deps, manifest, async (copy) => {
      const restored = await copy.repository.restore({ snapshot_id: copy.snapshot_id, ...request });
      const damage = restored.failed.find(({ is_damage }) => is_damage);
      if (damage === undefined) return { restored, copy };
      partial.push({ restored, copy });
      throw new HoldfastError('repo_damaged', `${copy.tier}: ${damage.path}: ${damage.reason}`);
    });
  } catch (error) {
    const [best] = partial.toSorted(
      (one, other) => one.restored.failed.length - other.restored.failed.length,
    );
    if (best === undefined) throw error;
    return best;
  }
}

/** What was written, with what is stored; what could not be written is named already. */
async function compareFiles(
  { restored, copy }: RestoredCopy,
  { target, select, signal, report }: Asked & Required<Pick<RestoreRequest, 'target' | 'select'>>,
): Promise<Difference[]> {
  const named = new Set(restored.failed.map(({ path }) => path));
  const meter = createWorkMeter(report, { doing: 'comparing', items: 'files', bytes_total: restored.bytes });
  const written = filesOf(copy, (path) => {
    signal.throwIfAborted();
    return select(path) && !named.has(path);
  });
  return compareRestored(metered(written, meter), target, () => true);
}

/** Files and links: folders that only lead to a chosen file are made with it, not chosen. */
async function* filesOf({ repository, snapshot_id }: Located, isWanted: (path: string) => boolean) {
  for await (const entry of repository.entries(await repository.snapshot(snapshot_id))) {
    if (entry.kind !== 'directory' && isWanted(entry.path)) yield entry;
  }
}

function refuseOwnFolder(data_dir: string, target: string): void {
  const own = resolve(data_dir);
  if (target !== own && !target.startsWith(own + sep)) return;
  throw new HoldfastError('restore_refused', `${target} is Holdfast's own folder`);
}

function tell({ state, metrics }: RouteDeps, result: RestoreResult, actor: string): void {
  const { backup_id, target_path, files_restored, bytes_restored, duration_ms } = result;
  const data = { backup_id, target_path, files_restored, bytes_restored, duration_ms };
  state.write(() => state.tell('BackupRestored', { subject: backup_id, data, actor }));
  metrics.restored(files_restored);
}
