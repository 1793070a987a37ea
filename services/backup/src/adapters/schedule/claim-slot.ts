import { isHoldfastError } from '@holdfast/contracts/errors';
import { LEASES_BUCKET, scheduleLeaseKey } from '@holdfast/contracts/subjects';
import type { KeyValue } from '@holdfast/event-store/key-value';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { z } from 'zod';

const Claim = z.object({ slot_ms: z.number(), owner: z.string() });
type Claim = z.infer<typeof Claim>;

/** Asks for a slot of a schedule. */
export interface SlotClaimer {
  /**
   * True where this instance is to run the slot: nobody else of this host has taken it. While NATS is away it is true too:
   * a host's own backups do not wait for a lease that only another instance of the same host would need.
   */
  claim(schedule: string, slot_ms: number): Promise<boolean>;
}

const WAIT_MS = 2_000;
const TRIES = 3;

/** Claims in the bucket of leases, under `owner`: who comes again after a crash finds its own claim. */
export function createSlotClaimer(context: ServiceContext, owner: string): SlotClaimer {
  const { events, clock, log, host } = context;
  let bucket: Promise<KeyValue> | undefined;
  const take = async (key: string, claim: Claim): Promise<boolean> => {
    bucket ??= events.keyValue(LEASES_BUCKET);
    const leases = await bucket;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const entry = await leases.get(key);
      if (entry !== null && isTaken(entry.value, claim, clock.now_ms())) return false;
      try {
        await leases.put(key, new TextEncoder().encode(JSON.stringify(claim)), entry?.revision ?? 0);
        return true;
      } catch (error) {
        // Another was faster: what it wrote decides.
        if (!isHoldfastError(error) || error.code !== 'event_conflict') throw error;
      }
    }
    return false;
  };
  return {
    claim: async (schedule, slot_ms) => {
      if (!events.connected()) return true;
      const taking = take(scheduleLeaseKey(host, schedule), { slot_ms, owner });
      try {
        return await within(context, taking);
      } catch (error) {
        bucket = undefined;
        log.warn({ err: error, schedule }, 'no lease could be had on a schedule; it runs all the same');
        return true;
      }
    },
  };
}

/** A claim in the future is one of a clock that was wrong. */
function isTaken(value: Uint8Array, { slot_ms, owner }: Claim, now_ms: number): boolean {
  const found = Claim.safeParse(parsed(value)).data;
  if (found === undefined || found.owner === owner) return false;
  return found.slot_ms >= slot_ms && found.slot_ms <= now_ms;
}

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(value));
  } catch {
    return null; // Not ours, or of a version that writes it otherwise: it holds nobody back.
  }
}

async function within<Result>({ clock }: ServiceContext, work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(WAIT_MS, () => late.reject(new Error(`no answer within ${WAIT_MS} ms`)));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    cancel();
    work.catch(() => undefined); // Too late: nobody waits for it any more.
  }
}
