import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { createWorld, sumOf } from './boot.ts';

const GOOD = Buffer.from('{"conversation": "¿Cuánto sale?"}');

describe('recoverFromBackup: a deleted file', () => {
  test('stands again, byte for byte, and its story is told', async () => {
    await using world = await createWorld();
    const path = world.write('kb/one.json', GOOD);
    fs.chmodSync(path, 0o640);
    const snapshot = await world.backup();
    const before = [fs.statSync(path, { bigint: true }), fs.statSync(dirname(path), { bigint: true })];
    await using _service = await world.start();
    fs.rmSync(path);
    await world.tellDeleted(new Map([[path, GOOD]]));
    const [recovered] = await world.waitFor('FileRecovered');
    expect(fs.readFileSync(path)).toEqual(GOOD);
    const after = [fs.statSync(path, { bigint: true }), fs.statSync(dirname(path), { bigint: true })];
    expect(after.map(({ mtimeNs, mode }) => [mtimeNs, mode])).toEqual(
      before.map(({ mtimeNs, mode }) => [mtimeNs, mode]),
    );
    const [loss] = await world.told('FileDeleted');
    expect(recovered).toMatchObject({
      subject: path,
      correlationid: loss?.correlationid,
      causationid: loss?.id,
      data: {
        strategy: 'latest_backup',
        exact: true,
        snapshot_id: snapshot.id,
        backup_id: 'backup_20260101_000000_full_1',
        checksum: sumOf(GOOD),
        quarantined_to: null,
      },
    });
    expect(await world.told('RecoveryStarted')).toHaveLength(1);
    expect(fs.readdirSync(dirname(path))).toEqual(['one.json']);
  });

  test('that was edited after the last backup comes back as the newest good version', async () => {
    await using world = await createWorld();
    const path = world.write('kb.json', GOOD);
    await world.backup();
    fs.rmSync(path);
    await using _service = await world.start({ settings: { backup_wait_ms: 0 } });
    await world.tellDeleted(new Map([[path, Buffer.from('{"edited": true}')]]));
    const [recovered] = await world.waitFor('FileRecovered');
    expect(recovered?.data).toMatchObject({ exact: false, checksum: sumOf(GOOD) });
    expect(fs.readFileSync(path)).toEqual(GOOD);
  });

  test('whose bytes are in a backup that is being made waits for it', async () => {
    await using world = await createWorld();
    const path = world.write('kb.json', GOOD);
    await world.backup();
    const edited = Buffer.from('{"edited": true}');
    await using _service = await world.start({ settings: { backup_wait_ms: 60_000 } });
    await world.tellDeleted(new Map([[path, edited]]));
    await world.waitFor('RecoveryStarted');
    fs.writeFileSync(path, edited);
    const { id } = await world.backup();
    fs.rmSync(path);
    await world.tellBackup(id);
    const [recovered] = await world.waitFor('FileRecovered');
    expect(recovered?.data).toMatchObject({ exact: true, checksum: sumOf(edited) });
  });

  test('that no backup holds is handed to a person, with commands', async () => {
    await using world = await createWorld();
    const path = world.write('kb.json', GOOD);
    fs.rmSync(path);
    await world.backup();
    await using _service = await world.start({ settings: { backup_wait_ms: 0 } });
    await world.tellDeleted(new Map([[path, GOOD]]));
    const [manual] = await world.waitFor('ManualRecoveryRequired');
    expect(manual?.data.reason).toContain('no backup holds this file');
    expect(manual?.data.steps).toContain(`./holdfast history ${path}`);
  });

  test('of a source that leaves deletions to people is left alone', async () => {
    await using world = await createWorld({ source: { on_delete: 'alert' } });
    const path = world.write('a.json', GOOD);
    await world.backup();
    await using _service = await world.start();
    fs.rmSync(path);
    await world.tellDeleted(new Map([[path, GOOD]]));
    const [left] = await eventually(() => world.cases().length > 0 && world.cases());
    expect(left?.status).toBe('manual');
    expect(fs.existsSync(path)).toBe(false);
    expect(await world.told('RecoveryStarted')).toEqual([]);
  });

  test('whose strategies are not there yet says which were crossed off', async () => {
    const strategies = {
      'kb_*.json': [{ strategy: 'git_history' as const }, { strategy: 'latest_backup' as const }],
    };
    await using world = await createWorld({ yaml: { recovery: { strategies } } });
    const path = world.write('kb_1.json', GOOD);
    await world.backup();
    await using _service = await world.start();
    fs.rmSync(path);
    await world.tellDeleted(new Map([[path, GOOD]]));
    const [recovered] = await world.waitFor('FileRecovered');
    expect(recovered?.data.tried.map(({ strategy, outcome }) => [strategy, outcome])).toEqual([
      ['git_history', 'unavailable'],
      ['latest_backup', 'recovered'],
    ]);
  });
});

describe('a corrupt file', () => {
  test('goes to quarantine with a note, and the good one takes its place', async () => {
    await using world = await createWorld();
    const path = world.write('kb.json', GOOD);
    await world.backup();
    const bad = Buffer.from('{"conversation": "¿Cu');
    fs.writeFileSync(path, bad);
    await using _service = await world.start();
    await world.tellCorrupted(path, GOOD, bad);
    const [recovered] = await world.waitFor('FileRecovered');
    expect(fs.readFileSync(path)).toEqual(GOOD);
    const moved = recovered?.data.quarantined_to ?? '';
    expect(moved.startsWith(join(world.data_dir, 'quarantine'))).toBe(true);
    expect(fs.readFileSync(moved)).toEqual(bad);
    expect(JSON.parse(fs.readFileSync(`${dirname(moved)}.json`, 'utf8'))).toMatchObject({
      path,
      checksum: sumOf(bad),
    });
  });

  test('that was repaired meanwhile is not touched', async () => {
    await using world = await createWorld();
    const path = world.write('kb.json', GOOD);
    await world.backup();
    fs.writeFileSync(path, '{"repaired": true}');
    await using _service = await world.start();
    await world.tellCorrupted(path, GOOD, Buffer.from('{"bad'));
    const [superseded] = await world.waitFor('RecoverySuperseded');
    expect(superseded?.data.reason).toContain('target_occupied');
    expect(fs.readFileSync(path, 'utf8')).toBe('{"repaired": true}');
  });

  test('that a writer holds open is waited for', async () => {
    await using world = await createWorld();
    const path = world.write('kb.json', GOOD);
    await world.backup();
    const bad = Buffer.from('{"half');
    fs.writeFileSync(path, bad);
    const writer = fs.openSync(path, 'r+');
    await using _service = await world.start();
    await world.tellCorrupted(path, GOOD, bad);
    await world.waitFor('RecoveryStarted');
    fs.writeSync(writer, '{"whole": true}', 0);
    fs.closeSync(writer);
    await world.waitFor('RecoverySuperseded');
    expect(fs.readFileSync(path, 'utf8')).toBe('{"whole": true}');
  });
});

describe('batchRecovery: a folder of 5,000 files', () => {
  test('comes back whole: bytes, modes, times, folders', async () => {
    await using world = await createWorld();
    const files = new Map<string, Buffer>();
    for (let number = 0; number < 5000; number += 1) {
      const bytes = Buffer.from(`{"number": ${number}, "text": "${'palabra '.repeat(number % 40)}"}`);
      const path = world.write(`big/f${number % 50}/kb_${number}.json`, bytes);
      if (number % 7 === 0) fs.chmodSync(path, 0o600);
      files.set(path, bytes);
    }
    fs.chmodSync(join(world.root, 'big', 'f3'), 0o2750);
    await world.backup();
    const before = treeOf(world.root);
    await using _service = await world.start();
    fs.rmSync(join(world.root, 'big'), { recursive: true });
    await world.tellDeleted(files);
    const recovered = await world.waitFor('FileRecovered', 5000);
    expect(new Set(recovered.map(({ subject }) => subject)).size).toBe(5000);
    expect(treeOf(world.root)).toEqual(before);
    expect((await world.told('RecoveryStarted')).length).toBeLessThanOrEqual(5);
  }, 120_000);
});

/** Every path with what has to be as it was. */
function treeOf(root: string): string[] {
  return fs
    .readdirSync(root, { recursive: true, encoding: 'utf8' })
    .concat('.')
    .sort()
    .map((name) => {
      const stat = fs.statSync(join(root, name), { bigint: true });
      const content = stat.isFile() ? sumOf(fs.readFileSync(join(root, name))) : '';
      return `${name} ${stat.mode} ${stat.mtimeNs} ${content}`;
    });
}
