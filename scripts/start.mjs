// `npm start`: sets up, then Holdfast on a copy of the bundled sample.
import { join } from 'node:path';
import { handOver } from './setup/hand-over.mjs';
import { CHECKOUT, setupOrExit } from './setup.mjs';

await setupOrExit();
await handOver(join(CHECKOUT, 'holdfast'), ['up', '--sample', ...process.argv.slice(2)]);
