// A process that captures until it is killed: its arguments are the address, the folder and the database.
import { createCapture } from '../../src/mongodb/capture.ts';

const [url = '', folder = '', database = ''] = process.argv.slice(2);
const source = { name: 'database', folder, database, collections: [], url: async () => url };
const capture = createCapture(source, { now_ms: Date.now, segment_bytes: 3_000, piece_documents: 200 });
const { signal } = new AbortController();
for (let round = 0; ; round++) {
  await capture.prepare({ backup_id: 'base', full: false, isKept: async () => false, signal });
  await capture.follow(signal);
  if (round === 0) process.send?.('ready');
}
