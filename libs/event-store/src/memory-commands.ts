import { commandFilter, durableName } from '@holdfast/contracts/subjects';
import { createObedience } from './commands.ts';
import type { DeadLetter, Messaging } from './event-store.ts';
import type { Log } from './log.ts';
import { encode } from './questions.ts';
import { matchesAny } from './subject-match.ts';

interface Waiting {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly seq: number;
  delivery: number;
}

/** The work queue of the twin for tests. */
export function createMemoryCommands(
  log: Log,
  onParked: (letter: DeadLetter) => Promise<void>,
): Pick<Messaging, 'obey' | 'command'> {
  const waiting = new Map<number, Waiting>();
  const readers = new Set<(command: Waiting) => void>();
  let last_seq = 0;
  return {
    command: async (subject, payload) => {
      last_seq += 1;
      const command = { subject, bytes: encode(payload), seq: last_seq, delivery: 0 };
      waiting.set(last_seq, command);
      for (const read of readers) read(command);
    },
    obey: async ({ service, host }, handler) => {
      const filters = [commandFilter(service, host)];
      const obedience = createObedience(handler, log);
      const timers = new Set<NodeJS.Timeout>();
      const read = (command: Waiting) => {
        const { subject, bytes, seq } = command;
        if (!matchesAny(filters, subject)) return;
        command.delivery += 1;
        obedience.push({
          ...{ subject, bytes, seq, delivery: command.delivery },
          ack: () => void waiting.delete(seq),
          nak: (delay_ms) => void timers.add(setTimeout(read, delay_ms, command)),
          park: async (reason) => {
            waiting.delete(seq);
            await onParked({ consumer: durableName(service, host, 'commands'), subject, seq, reason, bytes });
          },
        });
      };
      for (const command of waiting.values()) read(command);
      readers.add(read);
      return {
        [Symbol.asyncDispose]: async () => {
          readers.delete(read);
          await obedience.stop();
          for (const timer of timers) clearTimeout(timer);
        },
      };
    },
  };
}
