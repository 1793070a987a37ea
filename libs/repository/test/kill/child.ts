/** What is killed: does the verbs that it is given, and tells on stdout what it begins and has done, a JSON object a line. */
import { writeSync } from 'node:fs';
import { createLots } from '@holdfast/storage/faulty';
import { openIn, VERBS, type Verb } from './verbs.ts';

const { folder, run, seed, verbs } = JSON.parse(process.argv[2] ?? '{}') as {
  folder: string;
  run: number;
  seed: number;
  verbs: Verb[];
};
const tell = (what: object) => void writeSync(1, `${JSON.stringify(what)}\n`);

await using main = await openIn(folder, 'main');
await using copy = await openIn(folder, 'copy');
const draw = createLots(seed);
for (const verb of verbs) {
  tell({ begins: verb });
  await VERBS[verb]({ folder, main, copy, run, draw, tell });
  tell({ done: verb });
}
