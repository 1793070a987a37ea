import { styleText } from 'node:util';
import { HoldfastError } from '@holdfast/contracts/errors';
import { eventFilter } from '@holdfast/contracts/subjects';
import { printable } from '@holdfast/runtime/printable';
import type { Command } from 'commander';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { localTime, printAsIs } from '../output/print.ts';

interface WatchedEvent {
  type: string;
  time: string;
  subject: string;
  correlationid: string;
  data: Record<string, unknown>;
}

/** `watch [SUBJECT]`: the events as they come; `--json` one a line. */
export function registerWatch(program: Command): void {
  const command = program
    .command('watch')
    .description('Show the events live')
    .argument('[subject]', `as in NATS: '${eventFilter('FileDeleted')}'`);
  withConnection(command).action(watch);
}

async function watch(subject: string | undefined, options: ConnectionOptions): Promise<void> {
  const query = subject === undefined ? '' : `?${new URLSearchParams({ subject })}`;
  const reply = await connect(options).open(`/api/audit/stream${query}`, {
    headers: { accept: 'text/event-stream' },
  });
  if (reply.body === null) return;
  const messages = reply.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  try {
    for await (const message of messages) {
      if (options.json) printAsIs(message.data);
      else printAsIs(line(JSON.parse(message.data) as WatchedEvent));
    }
  } catch (cause) {
    throw new HoldfastError('unreachable', 'the stream of events broke off', { cause });
  }
  throw new HoldfastError('unreachable', 'the system ended the stream of events');
}

const COLOURS: Record<string, 'red' | 'green' | 'yellow' | 'cyan'> = {
  FileDeleted: 'red',
  FileCorrupted: 'red',
  RecoveryFailed: 'red',
  ManualRecoveryRequired: 'red',
  FileRecovered: 'green',
  BackupCreated: 'cyan',
  NotificationSent: 'yellow',
};

function line(event: WatchedEvent): string {
  const colour = COLOURS[event.type];
  const name = event.type.padEnd(22);
  const took =
    typeof event.data['duration_ms'] === 'number' ? ` in ${Math.round(event.data['duration_ms'])} ms` : '';
  return [
    styleText('dim', localTime(event.time)),
    colour === undefined ? name : styleText(colour, name),
    printable(event.subject) + took,
    styleText('dim', event.correlationid),
  ].join('  ');
}
