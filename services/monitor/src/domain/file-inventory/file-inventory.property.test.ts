import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Moment, moveFile, observeAbsence, observeFile, recoverFile } from './decide.ts';
import { evolve, type FileRow, type Sighting } from './state.ts';

interface Content {
  id: number;
  good: boolean;
}
type Step =
  | { do: 'write'; path: string; content: Content }
  | { do: 'delete'; path: string; excused: boolean }
  | { do: 'move'; path: string; to: string }
  | { do: 'recover'; path: string }
  | { do: 'look'; path: string };

const moment: Moment = { host: 'h', now_ms: 0, incidentId: () => 'incident' };
const path = fc.constantFrom('/a', '/b', '/c');
const content = fc.record({ id: fc.integer({ min: 1, max: 4 }), good: fc.boolean() });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('write' as const), path, content }),
  fc.record({ do: fc.constant('delete' as const), path, excused: fc.boolean() }),
  fc.record({ do: fc.constant('move' as const), path, to: path }),
  fc.record({ do: fc.constant('recover' as const), path }),
  fc.record({ do: fc.constant('look' as const), path }),
);

const checksumOf = ({ id, good }: Content) => `sha256:${(good ? 'a' : 'b') + String(id).padStart(63, '0')}`;
const factsOf = (it: Content) => ({
  size: 9,
  mtime_ns: '1',
  ctime_ns: '1',
  inode: `1:${it.id}`,
  checksum: checksumOf(it),
});
const sighting = (at: string, it: Content): Sighting => ({
  path: at,
  source: 's',
  by: 'watch',
  facts: factsOf(it),
  verdict: it.good ? { judged: true } : { judged: true, problems: [{ reason: 'json', detail: '' }] },
});

/** The disk, the registry that watches it, and what was told. */
class World {
  disk = new Map<string, Content>();
  rows = new Map<string, FileRow>();
  wanted = new Map<string, string>();
  losses = 0;

  look(at: string, excused = false) {
    const it = this.disk.get(at);
    const row = this.rows.get(at);
    const decision =
      it === undefined
        ? observeAbsence(row, { by: 'watch', excuse: excused ? 'allowed' : undefined }, moment)
        : observeFile(row, sighting(at, it), moment);
    this.rows = evolve(this.rows, decision);
    this.losses += decision.events.filter(({ type }) => type === 'FileDeleted').length;
  }

  move(from: string, to: string) {
    const it = this.disk.get(from);
    const row = this.rows.get(from);
    if (it === undefined || row === undefined || from === to) return;
    this.disk.delete(from);
    this.disk.set(to, it);
    const standing = row.state === 'present' || row.state === 'suspect';
    if (standing && !this.rows.has(to)) {
      const target = { path: to, source: 's', facts: row.facts, row: undefined };
      this.rows = evolve(this.rows, moveFile(row, target, moment));
    }
    this.look(from);
    this.look(to);
  }

  recover(at: string) {
    const row = this.rows.get(at);
    if (row?.state !== 'missing' && row?.state !== 'corrupted') return;
    const digits = row.facts.checksum.slice('sha256:'.length);
    this.disk.set(at, { id: Number(digits.slice(1)), good: digits.startsWith('a') });
    this.rows = evolve(this.rows, recoverFile(row, { checksum: row.facts.checksum, lost_at_ms: 0 }));
    this.look(at);
  }

  run(it: Step) {
    if (it.do === 'write') this.disk.set(it.path, it.content);
    if (it.do === 'delete') this.disk.delete(it.path);
    if (it.do === 'move') return this.move(it.path, it.to);
    if (it.do === 'recover') return this.recover(it.path);
    this.look(it.path, it.do === 'delete' && it.excused);
  }
}

/** What the registry believes to stand at a path. */
function believed(row: FileRow | undefined): string | undefined {
  if (row?.state === 'present' || row?.state === 'suspect') return row.facts.checksum;
  return row?.state === 'corrupted' ? row.actual.checksum : undefined;
}

/** Fails where the registry believes something else than what stands there. */
function expectEqual(world: World, at: string) {
  const it = world.disk.get(at);
  const row = world.rows.get(at);
  // A corrupted file that is gone is on its way to the quarantine: its case stays open.
  if (it === undefined && row?.state === 'corrupted') return;
  expect(believed(row)).toBe(it && checksumOf(it));
}

test('after any order of observations the registry equals the disk', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      for (const it of steps) {
        world.run(it);
        for (const at of ['/a', '/b', '/c']) expectEqual(world, at);
      }
    }),
    { numRuns: 300 },
  );
});

test('a good version is never replaced by a bad one', () => {
  fc.assert(
    fc.property(content, fc.array(content, { maxLength: 10 }), (first, later) => {
      const world = new World();
      world.run({ do: 'write', path: '/a', content: { ...first, good: true } });
      let good = checksumOf({ ...first, good: true });
      for (const it of later) {
        world.run({ do: 'write', path: '/a', content: it });
        if (it.good) good = checksumOf(it);
        expect(world.rows.get('/a')?.facts.checksum).toBe(good);
      }
    }),
  );
});
