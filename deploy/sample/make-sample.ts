// Makes the sample by hand, too: node deploy/sample/make-sample.ts FOLDER
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { appFiles, type SampleFile } from './app-files.ts';
import { conversation } from './conversations.ts';
import { consolidated, exported, priceMatrix } from './knowledge.ts';
import { createRandom } from './random.ts';

const CONVERSATIONS = 1250;
const SEED = 20251128;

/**
 * Makes the tree of a chatbot, some 2,000 files, the same bytes every time. A folder that exists already is left as it
 * is, whatever has become of it since: then `files` is 0. The folder appears whole or not at all.
 */
export async function makeSample(dir: string): Promise<{ files: number }> {
  const target = resolve(dir);
  if (existsSync(target)) return { files: 0 };
  const half = `${target}.${process.pid}.tmp`;
  rmSync(half, { recursive: true, force: true });
  const files = sampleFiles();
  for (const [path, text] of files) {
    mkdirSync(join(half, dirname(path)), { recursive: true });
    writeFileSync(join(half, path), text, { mode: isPrivate(path) ? 0o600 : 0o644 });
  }
  renameSync(half, target);
  return { files: files.length };
}

/** Every file of the sample. */
export function sampleFiles(): SampleFile[] {
  const random = createRandom(SEED);
  const conversations = Array.from({ length: CONVERSATIONS }, (_, index) => conversation(index + 1, random));
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return [
    ...conversations.map(
      (one, index): SampleFile => [`kb_populated_${String(index + 1).padStart(4, '0')}.json`, json(one)],
    ),
    ['conocimiento_consolidado.json', json(consolidated(conversations))],
    ['base_conocimiento_exportada.json', json(exported(conversations))],
    ['matriz_precios.json', json(priceMatrix())],
    ...appFiles(conversations, random),
  ];
}

function isPrivate(path: string): boolean {
  return path === '.env' || path.startsWith('credentials/') || path.startsWith('secrets/');
}

if (import.meta.main) {
  const [dir = 'sample'] = process.argv.slice(2);
  const { files } = await makeSample(dir);
  process.stdout.write(`${files} files in ${resolve(dir)}\n`);
}
