// chokidar alone over ROOT: tells `ready` when it is, and ends when its input does.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../services/monitor/package.json', import.meta.url));
const { watch } = require('chokidar') as typeof import('../services/monitor/node_modules/chokidar/index.js');
const watcher = watch(process.argv[2] ?? '.', { ignoreInitial: true, followSymlinks: false });
watcher.on('ready', () => process.stdout.write('ready\n'));
process.stdin.resume().on('end', () => void watcher.close());
