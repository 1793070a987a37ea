// The monitor alone, in a process of its own, so that its memory can be read: DATA ROOT NATS_URL CREDENTIALS SOURCE_JSON.
// Tells `ready` once its first walk is over, and ends when its input does.
import { connectEventStore } from '@holdfast/event-store/jetstream-store';
import { silentLog } from '@holdfast/event-store/log';
import { systemClock } from '@holdfast/runtime/clock';
import { testContext } from '@holdfast/testkit/context';
import { TEST_HOST } from '@holdfast/testkit/nats';
import { startMonitor } from '../services/monitor/src/service.ts';

const [data_dir = '', root = '', url = '', credentials_file = '', source = '{}'] = process.argv.slice(2);
const READY_AGAIN_MS = 20;

const origin = { host: TEST_HOST, service: 'monitor', clock: systemClock } as const;
const events = await connectEventStore({ url, credentials_file, name: 'monitor', log: silentLog, origin });
const context = await testContext({
  name: 'monitor',
  data_dir,
  events,
  yaml: { host: TEST_HOST, sources: { tree: { root, ...JSON.parse(source) } } },
});
const service = await startMonitor(context.service_config, context);
const isReady = async () => (await fetch(`${service.url}/readyz`)).ok;
while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, READY_AGAIN_MS));
process.stdout.write('ready\n');
process.stdin.resume().on('end', () => void end());

async function end(): Promise<void> {
  await service[Symbol.asyncDispose]();
  await events[Symbol.asyncDispose]();
}
