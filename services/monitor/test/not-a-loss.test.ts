import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { Lab } from './lab.ts';

const FILES = {
  'a.json': JSON.stringify({ name: 'a', list: [1, 2, 3] }),
  'b.txt': 'some text that is longer than nothing\n',
  'd/c.json': '{"c":true}',
  'd/e/f.txt': 'deep down',
};

/** What each program does, and what has to be told of it: type and path. */
const PROGRAMS: [string, string, string[]][] = [
  ['mv of a file', 'mv b.txt moved.txt', ['FileMoved moved.txt']],
  ['mv into another folder', 'mv b.txt d/e/', ['FileMoved d/e/b.txt']],
  ['mv into a new folder', 'mkdir -p new/deep && mv b.txt new/deep/', ['FileMoved new/deep/b.txt']],
  ['mv of a folder', 'mv d moved', ['FileMoved moved/c.json', 'FileMoved moved/e/f.txt']],
  ['mv over another file', 'mv a.json d/c.json', ['FileMoved d/c.json']],
  ['mv with another extension', 'mv b.txt b.md', ['FileMoved b.md']],
  [
    'cp and rm at once, as mv does across file systems',
    'cp -p b.txt z.txt && rm b.txt',
    ['FileMoved z.txt', 'FileRegistered z.txt'],
  ],
  ['mv to a name that is left out', 'mv b.txt b.txt~', ['FileRetired b.txt']],
  ['sed -i', 'sed -i s/some/other/ b.txt', ['FileModified b.txt']],
  ['an edit in place', `printf '{"other":1}' > a.json`, ['FileModified a.json']],
  [
    'write beside and rename over',
    `printf '{"new":1}' > .a.json.x1; mv .a.json.x1 a.json`,
    ['FileModified a.json'],
  ],
  ['cp and rename over', 'cp d/c.json a.json.new && mv a.json.new a.json', ['FileModified a.json']],
  ['touch', 'touch b.txt', []],
  ['chmod', 'chmod 600 b.txt', []],
  [
    'the same bytes again',
    'cp b.txt /tmp/holdfast-$$ && cat /tmp/holdfast-$$ > b.txt; rm /tmp/holdfast-$$',
    [],
  ],
  ['dd in place', 'dd if=/dev/zero of=b.txt bs=1 count=4 conv=notrunc 2>/dev/null', ['FileModified b.txt']],
  [
    'a temporary file that comes and goes',
    'f=$(mktemp tmp.XXXXXX -p .); echo x > $f; mv $f b.txt',
    ['FileModified b.txt'],
  ],
  [
    'an editor that renames the old file away',
    `mv b.txt b.txt~; printf 'edited\\n' > b.txt; rm b.txt~`,
    ['FileModified b.txt'],
  ],
];
const OPTIONAL: [string, string, string, string[]][] = [
  [
    'vim',
    'vim',
    `vim -u NONE -es -c 'set backup writebackup backupcopy=no' -c '%s/some/more/' -c wq b.txt`,
    ['FileModified b.txt'],
  ],
  [
    'vim',
    'vim, copying',
    `vim -u NONE -es -c 'set backupcopy=yes' -c '%s/some/more/' -c wq b.txt`,
    ['FileModified b.txt'],
  ],
  [
    'rsync',
    'rsync',
    `mkdir ../in; printf '{"r":1}' > ../in/a.json; rsync -a ../in/ .`,
    ['FileModified a.json'],
  ],
  ['perl', 'perl -i', `perl -pi -e 's/some/perl/' b.txt`, ['FileModified b.txt']],
];

function run(lab: Lab, script: string): void {
  execFileSync('sh', ['-e', '-c', script], { cwd: lab.root, stdio: 'pipe' });
}

function has(program: string): boolean {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'pipe' }).length > 0;
  } catch {
    return false;
  }
}

/** Everything told after the start, but for the mark that says it is over. */
async function toldBy(lab: Lab, script: string): Promise<string[]> {
  const before = (await lab.told()).length;
  run(lab, script);
  await lab.settled();
  const after = (await lab.told()).slice(before);
  return after
    .filter(({ subject }) => !subject.includes('settled-'))
    .map(({ type, subject }) => `${type} ${subject.slice(lab.root.length + 1)}`)
    .sort();
}

describe('not a loss', () => {
  test.each(PROGRAMS)('%s', async (_name, script, expected) => {
    await using lab = await Lab.start({ files: FILES });
    expect(await toldBy(lab, script)).toEqual(expected);
  });

  test.each(OPTIONAL.filter(([program]) => has(program)))(
    '%s: %s',
    async (_program, _name, script, expected) => {
      await using lab = await Lab.start({ files: FILES });
      expect(await toldBy(lab, script)).toEqual(expected);
    },
  );
});

test('mv of a folder with 5,000 files is 5,000 moves', async () => {
  const names = Array.from({ length: 5000 }, (_, index) => `data/d${index % 50}/f${index}.json`);
  await using lab = await Lab.start({ files: Object.fromEntries(names.map((name) => [name, '{"same":1}'])) });
  run(lab, 'mv data moved');
  await lab.settled();
  const told = (await lab.told()).filter(({ type }) => type !== 'FilesRegistered').map(({ type }) => type);
  expect(told.filter((type) => type === 'FileMoved').length).toBe(5000);
  expect(told.filter((type) => type === 'FileDeleted').length).toBe(0);
});

describe('git', () => {
  const SETUP = `
    git init -q -b main . && git config user.email a@b && git config user.name a && git config commit.gpgsign false
    git add . && git commit -q -m one
    git checkout -q -b other
    git rm -q b.txt && printf '{"c":"other"}' > d/c.json && printf '{ bad' > a.json
    git commit -q -a -m two && git checkout -q main`;

  async function startInRepository(): Promise<Lab> {
    const lab = new Lab({ files: FILES });
    run(lab, SETUP);
    await lab.start();
    return lab;
  }

  test('checkout: what the branch does not have is retired, the rest is a change, even where it does not parse', async () => {
    await using lab = await startInRepository();
    expect(await toldBy(lab, 'git checkout -q other')).toEqual([
      'FileModified a.json',
      'FileModified d/c.json',
      'FileRetired b.txt',
    ]);
    expect(await toldBy(lab, 'git checkout -q main')).toEqual([
      'FileModified a.json',
      'FileModified d/c.json',
      'FileRegistered b.txt',
    ]);
  });

  test('rm, stash, reset', async () => {
    await using lab = await startInRepository();
    expect(await toldBy(lab, 'git rm -q b.txt')).toEqual(['FileRetired b.txt']);
    expect(await toldBy(lab, 'git reset -q --hard')).toEqual(['FileRegistered b.txt']);
    expect(await toldBy(lab, 'echo x > n.txt; git add n.txt')).toEqual(['FileRegistered n.txt']);
    expect(await toldBy(lab, 'git stash -q')).toEqual(['FileRetired n.txt']);
  });

  test('a conflict is for a person to resolve', async () => {
    await using lab = await startInRepository();
    const merge = `printf '{"c":"main"}' > d/c.json; git commit -q -a -m three; git merge -q other || true`;
    const told = await toldBy(lab, merge);
    expect(told).toContain('FileModified d/c.json');
    expect(told.filter((line) => /FileCorrupted|FileDeleted/.test(line))).toEqual([]);
  });

  test('rm of a tracked file, and damage to it, are losses all the same', async () => {
    await using lab = await startInRepository();
    expect(await toldBy(lab, `rm b.txt; printf '{ cut' > a.json`)).toEqual([
      'FileCorrupted a.json',
      'FileDeleted b.txt',
    ]);
  });

  test('while its lock is held nothing is judged', async () => {
    await using lab = await startInRepository();
    run(lab, 'touch .git/index.lock; rm b.txt');
    lab.write({ '../mark': '' });
    expect((await lab.status()).pending).toBeGreaterThan(0);
    run(lab, 'rm .git/index.lock');
    await lab.until('FileDeleted', 'b.txt');
  });
});

test('a folder of many files that is renamed while nobody looks was moved, all of it', async () => {
  const names = Array.from({ length: 400 }, (_, number) => `d/${number}.txt`);
  await using lab = await Lab.start({ files: Object.fromEntries(names.map((name) => [name, `in ${name}`])) });
  await lab.stop();
  run(lab, 'mv d e');
  await lab.start();
  await lab.settled();
  expect((await lab.of('FileDeleted')).map(({ subject }) => subject)).toEqual([]);
  expect(await lab.of('FileMoved')).toHaveLength(names.length);
});
