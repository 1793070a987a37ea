import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SetupError, say } from './say.mjs';

const LOOK_EVERY_MS = 200;
const WAIT_MAX_MS = 15 * 60 * 1000;

/** Runs `work` while no other process does so in this checkout. A lock whose owner has died is taken over. */
export async function withLock(folder, work) {
  await take(folder);
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function take(folder) {
  mkdirSync(dirname(folder), { recursive: true });
  const end = Date.now() + WAIT_MAX_MS;
  let told = false;
  while (!tryLock(folder)) {
    const owner = ownerOf(folder);
    if (owner !== null && !isAlive(owner)) {
      breakLock(folder, owner);
      continue;
    }
    if (Date.now() > end)
      throw new SetupError(`another set-up seems to hang; if none runs, remove ${folder}`);
    if (!told) say(`another set-up is at work${owner === null ? '' : ` (process ${owner})`}, waiting for it`);
    told = true;
    await pause(LOOK_EVERY_MS);
  }
}

// The folder comes into being with its owner inside, so that it never lacks one.
function tryLock(folder) {
  const own = `${folder}.${process.pid}`;
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'pid'), String(process.pid));
  try {
    renameSync(own, folder);
    return true;
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw error;
  }
}

function ownerOf(folder) {
  try {
    return Number(readFileSync(join(folder, 'pid'), 'utf8'));
  } catch {
    // Released just now.
    return null;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// Moved aside first: of two that find the dead owner only one moves, and what it moved is looked at again.
function breakLock(folder, owner) {
  const aside = `${folder}.dead.${process.pid}`;
  try {
    renameSync(folder, aside);
  } catch {
    return;
  }
  if (ownerOf(aside) !== owner) renameSync(aside, folder);
  else rmSync(aside, { recursive: true, force: true });
}
