// `npm run bench [-- name…]`: sets up, then the benchmarks on the pinned Node.
import { join } from 'node:path';
import { handOver } from './setup/hand-over.mjs';
import { CHECKOUT, PINNED_NODE, setupOrExit } from './setup.mjs';

await setupOrExit();
process.env.NODE_NO_WARNINGS = '1';
await handOver(PINNED_NODE, [join(CHECKOUT, 'scripts', 'run-benches.ts'), ...process.argv.slice(2)]);
