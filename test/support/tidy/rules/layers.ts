import type { Import, ParsedFile } from '../parse.ts';
import { isTest, packageOf, resolveImport } from '../resolve.ts';
import type { Problem, Rule, Tree } from '../tree.ts';

/** Who may import whom, and why not more. Services and apps: below. */
const LIBS: Readonly<Record<string, { may: readonly string[]; because: string }>> = {
  'libs/contracts': {
    may: [],
    because: 'contracts are the ground: everybody stands on them, they stand on nobody',
  },
  'libs/event-store': {
    may: ['libs/contracts'],
    because: 'the event store carries events and knows no service',
  },
  'libs/storage': { may: [], because: 'a blob store knows names and bytes only' },
  'libs/repository': {
    may: ['libs/storage'],
    because: 'the engine works without NATS, HTTP and configuration',
  },
  'libs/runtime': {
    may: ['libs/contracts', 'libs/event-store'],
    because: 'the runtime serves services, http stands on it',
  },
  'libs/http': {
    may: ['libs/contracts', 'libs/event-store', 'libs/runtime'],
    because: 'http is the same for all services and knows none of them',
  },
  'libs/testkit': {
    may: ['libs/contracts', 'libs/event-store', 'libs/runtime', 'libs/http', 'libs/storage'],
    because: 'the testkit must not depend on a service, or the workspace gains a cycle',
  },
};

/** Imports point one way: contracts ← event-store ← runtime ← http; storage ← repository; services never each other. */
export const layers: Rule = (tree) => tree.sources.flatMap((file) => problemsOf(file, tree));

function problemsOf(file: ParsedFile, tree: Tree): Problem[] {
  return file.imports.flatMap((found) => {
    const target = resolveImport(file.path, found.specifier, tree.texts);
    const reason = target === null ? outside(file, found) : inside(file.path, target, found);
    return reason === null
      ? []
      : [{ file: file.path, line: found.line, reason: `imports ${found.specifier}: ${reason}` }];
  });
}

function outside({ path }: ParsedFile, { specifier }: Import): string | null {
  if (!specifier.startsWith('@nats-io/') || isTest(path) || packageOf(path) === 'libs/event-store')
    return null;
  return 'only libs/event-store speaks to NATS; ask it for what is missing';
}

function inside(path: string, target: string, found: Import): string | null {
  const [from, to] = [packageOf(path), packageOf(target)];
  if (from === to) return null;
  if (to === 'libs/testkit') return isTest(path) ? null : 'the testkit is for tests only';
  if (found.specifier.startsWith('.')) return leavesPackage(path, from, to);
  const lib = LIBS[from];
  if (lib !== undefined) return lib.may.includes(to) ? null : lib.because;
  if (from.startsWith('services/'))
    return to.startsWith('libs/') ? null : 'services speak by events, never to each other';
  if (from.startsWith('apps/') && !to.startsWith('libs/')) return throughDoor(target);
  return null;
}

function leavesPackage(path: string, from: string, to: string): string | null {
  const isFree = isTest(path) || ['scripts', 'deploy'].includes(from) || to === 'deploy';
  return isFree ? null : `leaves its package by a path; go through @holdfast/${to.split('/')[1] ?? to}`;
}

function throughDoor(target: string): string | null {
  return /\/src\/(service|load-service)\.ts$/.test(target)
    ? null
    : 'apps know a service by its service.ts only';
}
