import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemCode } from '../errors.ts';
import { bytesToPath, pathForSystem } from '../paths.ts';

const PREFIX = '.holdfast-restore-';
const NAME = /^\.holdfast-restore-(.+)-(\d+)-([0-9a-f]{12})-\d+$/;
/** Runs of this process that are going on. */
const running = new Set<string>();

/** Names of files that a restore has not finished, and the removal of those that a killed one left. */
export class BesideNames implements Disposable {
  readonly #run = randomBytes(6).toString('hex');
  #count = 0;

  constructor() {
    running.add(this.#run);
  }

  /** A hidden name that nothing else has. */
  next(): string {
    this.#count += 1;
    return `${PREFIX}${hostname()}-${process.pid}-${this.#run}-${this.#count}`;
  }

  [Symbol.dispose](): void {
    running.delete(this.#run);
  }
}

/** Removes what restores of this host left in a folder when they were killed; true where the folder is empty then. */
export function sweepFolder(folder: string): boolean {
  const names = readdirSync(pathForSystem(folder), { encoding: 'buffer' });
  let kept = 0;
  for (const bytes of names) {
    const name = bytesToPath(bytes);
    if (isLeftover(name)) rmSync(pathForSystem(`${folder}/${name}`), { force: true });
    else kept += 1;
  }
  return kept === 0;
}

function isLeftover(name: string): boolean {
  if (!name.startsWith(PREFIX)) return false;
  const [, host, pid, run = ''] = NAME.exec(name) ?? [];
  if (host !== hostname() || pid === undefined || running.has(run)) return false;
  // A container's processes have the same few numbers each time.
  return Number(pid) === process.pid || !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}
