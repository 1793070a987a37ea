// Run by the crash test as a process of its own: appends slice after slice, telling how many events are durable.
import { openEventLog } from '../src/adapters/event-log.ts';
import { incoming, sampleEvent } from './sample-events.ts';

const [file = '', start = '0'] = process.argv.slice(2);
const log = openEventLog(file);
for (let n = Number(start); ; n += 20) {
  log.append(Array.from({ length: 20 }, (_, at) => incoming(sampleEvent(n + at), n + at + 1)));
  process.stdout.write(`${log.size()}\n`);
}
