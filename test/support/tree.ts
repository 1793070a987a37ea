import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** What a test compares of a tree: content, mode and mtime of every path below it. */
export function fingerprint(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const stat = lstatSync(path, { bigint: true });
    const content = entry.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
    found.set(relative(root, path), `${stat.mode.toString(8)} ${stat.mtimeNs} ${content}`);
  }
  return found;
}

/** A conversation of the chatbot, about `size` bytes of JSON. */
export function conversation(id: number, size = 1000): string {
  const messages = [];
  for (let length = 0; length < size; length += 100)
    messages.push({
      role: messages.length % 2 ? 'assistant' : 'user',
      content: `mensaje ${id} ${'isopanel '.repeat(6)}`,
    });
  return JSON.stringify({ session_id: `sess_${id}`, messages }, null, 1);
}

/** Writes `count` conversations into `dir`, `kb_populated_<n>.json`. */
export function writeConversations(dir: string, count: number, size?: number): string[] {
  mkdirSync(dir, { recursive: true });
  return Array.from({ length: count }, (_, id) => {
    const path = join(dir, `kb_populated_${id}.json`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, conversation(id, size));
    return path;
  });
}
