// A working tree like that of a chatbot in use, the same for the same seed: small JSON files, one large, logs, code,
// media. About 1.3 GB and 27,000 files in all.
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const DAYS = 40;
const SESSIONS_A_DAY = 500;
const SESSIONS_IN_ONE = 55_000;
const LOGS = { files: 10, blocks: 40, lines: 7_500 };
const PACKAGES = 350;
const MEDIA = { files: 6, bytes: 64 << 20 };

const WORDS =
  `hello we need a quote for roof panels of forty millimetres what would delivery to the coast cost thanks good morning
  is the white trim in stock which screws go with it price per square metre insulation polystyrene polyurethane sheet
  gutter ridge invoice deposit installer crane street number tomorrow morning afternoon the the the and and of of a a`.split(
    /\s+/,
  );
const SYLLABLES =
  'get set on parse to from buffer node value index state config error path async emit read write'.split(' ');

interface Random {
  /** 0 to below 1. */
  next(): number;
  below(limit: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** Seeded; no two names share a sequence. */
function randomOf(seed: string): Random {
  let state = createHash('sha256').update(seed).digest().readUInt32LE(0) | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { next, below, pick: (items) => items[below(items.length)] as (typeof items)[number] };
}

/** 20,000 small JSON files in folders by day. */
export function makeSmallJson(folder: string, seed = '1'): void {
  const random = randomOf(`json ${seed}`);
  for (let day = 0; day < DAYS; day += 1) {
    const path = join(folder, `day-${String(day).padStart(2, '0')}`);
    mkdirSync(path, { recursive: true });
    for (let n = 0; n < SESSIONS_A_DAY; n += 1) {
      const text = JSON.stringify(sessionOf(random, day * SESSIONS_A_DAY + n), null, 1);
      writeFileSync(join(path, `session-${n}.json`), text);
    }
  }
}

/** The whole tree. */
export function makeCorpus(folder: string, seed = '1'): void {
  makeSmallJson(join(folder, 'sessions'), seed);
  const random = randomOf(`rest ${seed}`);
  const many = Array.from({ length: SESSIONS_IN_ONE }, (_, n) => JSON.stringify(sessionOf(random, n)));
  writeFileSync(join(folder, 'knowledge.json'), `[${many.join(',')}]`);
  makeLogs(join(folder, 'logs'), random);
  makePackages(join(folder, 'node_modules'), random);
  makeMedia(join(folder, 'media'), seed);
}

/** Very many files of a few bytes, a thousand in a folder. */
export function makeTinyFiles(folder: string, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const path = join(folder, String(Math.floor(n / 1000)));
    if (n % 1000 === 0) mkdirSync(path, { recursive: true });
    writeFileSync(join(path, `file-${n}.txt`), `tiny ${n} ${Math.imul(n, 0x9e37_79b9).toString(36)}`);
  }
}

/** So many names of few files: quickly made, and each one is an entry. */
export function makeManyNames(folder: string, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const path = join(folder, String(Math.floor(n / 10_000)));
    if (n % 10_000 === 0) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, `name-${n}`), `content ${n}`);
    } else {
      linkSync(join(path, `name-${n - (n % 10_000)}`), join(path, `name-${n}`));
    }
  }
}

function sessionOf(random: Random, number: number) {
  const at = (n: number) => new Date(1.7e12 + number * 61_000 + n * 4_100).toISOString();
  return {
    id: `s-${number}-${random.below(1e9).toString(36)}`,
    started: at(0),
    messages: Array.from({ length: 4 + random.below(10) }, (_, n) => ({
      from: n % 2 === 0 ? 'customer' : 'assistant',
      text: sentenceOf(random, 5 + random.below(40)),
      at: at(n),
    })),
    score: random.below(100),
  };
}

function sentenceOf(random: Random, words: number): string {
  return Array.from({ length: words }, () => random.pick(WORDS)).join(' ');
}

function makeLogs(folder: string, random: Random): void {
  mkdirSync(folder, { recursive: true });
  for (let file = 0; file < LOGS.files; file += 1) {
    const fd = openSync(join(folder, `app-${file}.log`), 'w');
    for (let block = 0; block < LOGS.blocks; block += 1) {
      const lines = Array.from({ length: LOGS.lines }, (_, n) => {
        const at = new Date(1.7e12 + block * 1e6 + n * 131).toISOString();
        return `${at} INFO [${random.below(9999)}] request ${sentenceOf(random, 6)} took ${random.below(900)} ms\n`;
      });
      writeSync(fd, lines.join(''));
    }
    closeSync(fd);
  }
}

/** Code-like text; every fifth package stands twice, as in a real tree. */
function makePackages(folder: string, random: Random): void {
  for (let number = 0; number < PACKAGES; number += 1) {
    const is_second = number % 5 === 4;
    const own = is_second ? randomOf(`package ${number - 1}`) : randomOf(`package ${number}`);
    const at = is_second ? join(folder, `package-${number - 1}`, 'node_modules') : folder;
    makePackage(join(at, `package-${number}`), own);
  }
  const image = randomOf('image');
  for (let n = 0; n < 40; n += 1) {
    const bytes = Buffer.from(Array.from({ length: 50_000 }, () => image.below(256)));
    writeFileSync(join(folder, `package-0`, `icon-${n}-${random.below(1e6)}.png`), bytes);
  }
}

function makePackage(folder: string, random: Random): void {
  const names = Array.from({ length: 120 }, () => nameOf(random));
  for (let file = 0; file < 20; file += 1) {
    const path = join(folder, random.pick(['lib', 'dist', 'src', 'types']));
    mkdirSync(path, { recursive: true });
    const lines = Array.from({ length: 20 + random.below(60) ** 2 }, () => lineOf(random, names));
    writeFileSync(join(path, `${random.pick(names)}-${file}.js`), lines.join('\n'));
  }
}

function nameOf(random: Random): string {
  return Array.from({ length: 2 + random.below(3) }, () => random.pick(SYLLABLES)).join('_');
}

function lineOf(random: Random, names: readonly string[]): string {
  const name = () => random.pick(names);
  const kind = random.below(4);
  if (kind === 0) return `  const ${name()} = ${name()}(${name()}, ${random.below(1000)});`;
  if (kind === 1) return `  if (this.${name()} !== ${name()}) return ${name()}.${name()};`;
  if (kind === 2) return `export function ${name()}(${name()}, ${name()}) {`;
  return `    // ${sentenceOf(random, 8)}`;
}

function makeMedia(folder: string, seed: string): void {
  mkdirSync(folder, { recursive: true });
  for (let n = 0; n < MEDIA.files; n += 1) {
    const key = createHash('md5').update(`media ${seed} ${n}`).digest();
    const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
    writeFileSync(join(folder, `video-${n}.bin`), stream.update(Buffer.alloc(MEDIA.bytes)));
  }
}
