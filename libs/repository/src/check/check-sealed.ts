import { isStorageError } from '@holdfast/storage/blob-store';
import pLimit from 'p-limit';
import { OBJECT_TYPE, type ObjectType } from '../crypto/envelope.ts';
import { slotDamage } from '../crypto/key-slots.ts';
import { openObject } from '../crypto/sealed-object.ts';
import { MARKS_PREFIX } from '../deletion/marks-object.ts';
import { PENDING_PREFIX } from '../deletion/pending-object.ts';
import { TOMBSTONE_PREFIX } from '../deletion/tombstone-object.ts';
import type { Engine } from '../engine.ts';
import { reasonOf } from '../errors.ts';
import { KEY_PREFIX } from '../key-ring.ts';
import { CONFIG_NAME, encodeConfig, readConfig } from '../repository-config.ts';
import type { Findings } from './findings.ts';

const PARALLEL = 8;

/** What keeps deletions safe: each of one section, sealed to its name. */
const SEALED: readonly { readonly prefix: string; readonly type: ObjectType }[] = [
  { prefix: TOMBSTONE_PREFIX, type: OBJECT_TYPE.tombstone },
  { prefix: PENDING_PREFIX, type: OBJECT_TYPE.pending },
  { prefix: MARKS_PREFIX, type: OBJECT_TYPE.marks },
];

/** The config, the key slots and the small sealed objects are byte for byte what was stored. */
export async function checkSmallObjects(engine: Engine, findings: Findings): Promise<void> {
  await checkConfig(engine, findings);
  await checkAll(engine, KEY_PREFIX, (name, object) => {
    const problem = slotDamage(engine.keys.slot_key, name, object);
    if (problem !== undefined) findings.addNeeded(name, problem);
  });
  for (const { prefix, type } of SEALED) {
    await checkAll(engine, prefix, (name, object) => {
      try {
        openObject(engine.keys, { type, name }, object);
      } catch (error) {
        findings.addNeeded(name, reasonOf(error));
      }
    });
  }
}

/** That it is authentic was seen when it was opened; it may have changed since, or where no reader looks. */
async function checkConfig(engine: Engine, findings: Findings): Promise<void> {
  try {
    const { mac, ...fields } = await readConfig(engine.store);
    const is_as_written = (await engine.store.get(CONFIG_NAME)).equals(encodeConfig(engine.keys, fields));
    if (!is_as_written) findings.addNeeded(CONFIG_NAME, 'it was changed since the repository was made');
  } catch (error) {
    findings.addNeeded(CONFIG_NAME, reasonOf(error));
  }
}

async function checkAll(
  engine: Engine,
  prefix: string,
  check: (name: string, object: Buffer) => void,
): Promise<void> {
  const names = await Array.fromAsync(engine.store.names(prefix));
  await pLimit(PARALLEL).map(names, async (name) => {
    try {
      check(name, await engine.store.get(name));
    } catch (error) {
      // Removed since the listing: no news.
      if (!isStorageError(error, 'not_found')) throw error;
    }
  });
}
