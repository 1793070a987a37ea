import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type HoldfastProcess, startHoldfastProcess } from '../support/holdfast-process.ts';
import { conversation, fingerprint, writeConversations } from '../support/tree.ts';

const folder = tempDir();
const root = join(folder.path, 'kb');
let holdfast: HoldfastProcess;

beforeAll(async () => {
  writeConversations(root, 40);
  writeConversations(join(root, 'bulk', 'a', 'b'), 2500);
  writeConversations(join(root, 'bulk', 'c'), 2500);
  chmodSync(join(root, 'bulk', 'a'), 0o750);
  utimesSync(join(root, 'bulk', 'a', 'b'), 1_700_000_000, 1_700_000_000.123);
  git('init', '-q', '-b', 'main');
  git('add', 'kb_populated_1.json', 'kb_populated_2.json');
  git('commit', '-qm', 'first');
  holdfast = await startHoldfastProcess({ data_dir: join(folder.path, 'data'), args: [root] });
  await backedUp(join(root, 'kb_populated_0.json'));
}, 120_000);

afterAll(async () => {
  await holdfast?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
}, 30_000);

function git(...args: string[]): void {
  execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
    stdio: 'pipe',
  });
}

const sha256 = (path: string) => `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;

/** Waits until the content that stands there now is in a backup. */
async function backedUp(path: string): Promise<void> {
  const checksum = sha256(path);
  await eventually(
    async () => {
      const query = `/api/recovery/history?path=${encodeURIComponent(path)}`;
      const { versions } = await holdfast.get<{ versions: { checksum: string }[] }>(query);
      return versions.some((version) => version.checksum === checksum);
    },
    { timeout_ms: 20_000, what: `${path} in a backup` },
  );
}

/** Does something to a file and waits until it holds its old bytes again. */
async function comesBack(path: string, harm: () => void): Promise<void> {
  const wanted = readFileSync(path);
  harm();
  await eventually(() => existsSync(path) && readFileSync(path).equals(wanted), {
    timeout_ms: 30_000,
    what: `${path} back`,
  });
}

const losses = async (path: string) =>
  (await holdfast.events({ subject: path })).filter(
    (e) => e.type === 'FileDeleted' || e.type === 'FileCorrupted',
  );

/** A later loss that has been dealt with proves that all before it was judged. */
async function settled(): Promise<void> {
  const sentinel = join(root, 'kb_populated_39.json');
  const before = (await holdfast.events({ subject: sentinel, type: 'FileRecovered' })).length;
  await comesBack(sentinel, () => unlinkSync(sentinel));
  await eventually(
    async () => (await holdfast.events({ subject: sentinel, type: 'FileRecovered' })).length > before,
    { what: 'the sentinel recovered' },
  );
}

/** As `rm -rf` does it: every file once, then the folders; one that is healed already cannot be removed any more. */
function removeTree(root: string): void {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  for (const entry of entries) if (!entry.isDirectory()) unlinkSync(join(entry.parentPath, entry.name));
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const folder of [...folders.reverse(), root]) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (systemCode(error) !== 'ENOTEMPTY') throw error;
    }
  }
}

describe('a loss', () => {
  test('a deleted file comes back byte-identical, and the audit tells the story of it', async () => {
    const path = join(root, 'kb_populated_1.json');
    const { mtimeNs, mode } = statSync(path, { bigint: true });
    await comesBack(path, () => unlinkSync(path));
    expect(statSync(path, { bigint: true })).toMatchObject({ mtimeNs, mode });

    const story = await eventually(
      async () => {
        const deleted = (await losses(path)).at(-1);
        if (deleted === undefined) return undefined;
        const events = await holdfast.events({ correlation_id: deleted.correlationid });
        return events.some((event) => event.type === 'NotificationSent') ? events : undefined;
      },
      { what: 'the whole story' },
    );
    const types = story.map((event) => event.type);
    for (const type of ['FileDeleted', 'RecoveryStarted', 'FileRecovered', 'AlertFired', 'NotificationSent'])
      expect(types).toContain(type);
    const traces = new Set(story.map((event) => event.traceparent?.split('-')[1]));
    expect([traces.size, [...traces][0]]).toEqual([1, expect.stringMatching(/^[0-9a-f]{32}$/)]);
    const recovered = story.find((event) => event.type === 'FileRecovered');
    expect(recovered?.data).toMatchObject({
      path,
      strategy: 'latest_backup',
      exact: true,
      checksum: sha256(path),
    });
  });

  test.each([
    ['truncated', (path: string) => truncateSync(path, 100)],
    ['garbled', (path: string) => writeFileSync(path, '\u0000\u0001 not json at all {{{')],
    ['emptied', (path: string) => truncateSync(path, 0)],
  ])('%s JSON is put right, and the bad copy kept in quarantine', async (name, harm) => {
    const path = join(root, `kb_populated_${{ truncated: 3, garbled: 4, emptied: 5 }[name]}.json`);
    await comesBack(path, () => harm(path));
    const recovered = await eventually(
      async () => (await holdfast.events({ subject: path, type: 'FileRecovered' })).at(-1),
      { what: 'FileRecovered' },
    );
    expect(existsSync(String(recovered.data['quarantined_to']))).toBe(true);
  });

  test('a folder of 5,000 files is all back: bytes, modes, times', async () => {
    const bulk = join(root, 'bulk');
    const before = fingerprint(bulk);
    removeTree(bulk);
    const deleted = await eventually(
      async () => {
        const events = await holdfast.events({ type: 'FileRecovered' });
        const ours = events.map((event) => event.subject).filter((path) => path.startsWith(bulk));
        return ours.length >= 5000 && (await holdfast.events({ type: 'FileDeleted' }));
      },
      { timeout_ms: 100_000, every_ms: 500, what: 'all 5,000 recoveries in the audit' },
    );
    const lost = deleted.map((event) => event.subject).filter((path) => path.startsWith(bulk));
    expect([lost.length, new Set(lost).size]).toEqual([5000, 5000]);
    await eventually(() => expect(fingerprint(bulk)).toEqual(before) === undefined, { timeout_ms: 10_000 });
  }, 150_000);

  test('a file that is replaced by another with the same inode is a loss', async () => {
    const path = join(root, 'kb_populated_6.json');
    const other = join(root, 'other.json');
    await comesBack(path, () => {
      unlinkSync(path);
      writeFileSync(other, '{"new": true}');
    });
    expect(readFileSync(other, 'utf8')).toBe('{"new": true}');
  });
});

describe('no loss', () => {
  async function staysWithoutLoss(paths: string[], work: () => void | Promise<void>): Promise<void> {
    const before = new Map(
      await Promise.all(paths.map(async (path) => [path, (await losses(path)).length] as const)),
    );
    await work();
    await settled();
    for (const path of paths) expect([path, (await losses(path)).length]).toEqual([path, before.get(path)]);
  }

  test('a move within the folder', async () => {
    const [from, to] = [join(root, 'kb_populated_10.json'), join(root, 'moved_10.json')];
    await staysWithoutLoss([from, to], () => renameSync(from, to));
    expect([existsSync(from), existsSync(to)]).toEqual([false, true]);
    expect(
      (await holdfast.events({ subject: to, type: 'FileMoved' })).map((event) => event.data['from']),
    ).toEqual([from]);
  });

  test("an editor's atomic save", async () => {
    const path = join(root, 'kb_populated_11.json');
    await staysWithoutLoss([path], () => {
      writeFileSync(`${path}.new`, conversation(1100));
      renameSync(`${path}.new`, path);
    });
    expect(readFileSync(path, 'utf8')).toBe(conversation(1100));
  });

  test('an editor that keeps a backup: rename away, write anew', async () => {
    const path = join(root, 'kb_populated_12.json');
    await staysWithoutLoss([path], () => {
      renameSync(path, `${path}~`);
      writeFileSync(path, conversation(1200));
      unlinkSync(`${path}~`);
    });
    expect(readFileSync(path, 'utf8')).toBe(conversation(1200));
  });

  test('a legitimate edit, which is in a backup a moment later', async () => {
    const path = join(root, 'kb_populated_13.json');
    await staysWithoutLoss([path], () => writeFileSync(path, conversation(1300)));
    await backedUp(path);
    expect(readFileSync(path, 'utf8')).toBe(conversation(1300));
  });

  test('git checkout of a branch that lacks a file, and back', async () => {
    const path = join(root, 'kb_populated_2.json');
    const content = readFileSync(path, 'utf8');
    await staysWithoutLoss([path], async () => {
      git('checkout', '-q', '-b', 'without');
      git('rm', '-q', 'kb_populated_2.json');
      git('commit', '-qm', 'remove');
      await settled();
      expect(existsSync(path)).toBe(false);
      git('checkout', '-q', 'main');
    });
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test('a writer that is still writing', async () => {
    const path = join(root, 'kb_populated_14.json');
    await staysWithoutLoss([path], async () => {
      const text = conversation(1400, 20_000);
      const file = openSync(path, 'w');
      writeSync(file, text.slice(0, 5_000));
      await settled();
      writeSync(file, text.slice(5_000));
      closeSync(file);
    });
    expect(readFileSync(path, 'utf8')).toBe(conversation(1400, 20_000));
  });

  test('a deletion that was allowed', async () => {
    const path = join(root, 'kb_populated_15.json');
    await holdfast.post('/api/monitor/allow-delete', { path, for_seconds: 60 });
    await staysWithoutLoss([path], () => unlinkSync(path));
    expect(existsSync(path)).toBe(false);
  });

  test('excluded and new files come and go', async () => {
    const paths = [join(root, 'x.tmp'), join(root, 'a.lock')];
    await staysWithoutLoss(paths, () => {
      for (const path of paths) appendFileSync(path, 'x');
      for (const path of paths) unlinkSync(path);
    });
    expect(paths.map((path) => existsSync(path))).toEqual([false, false]);
  });
});
