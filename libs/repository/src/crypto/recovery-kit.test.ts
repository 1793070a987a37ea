import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeKit, encodeKit, isKit, KIT_MARK } from './recovery-kit.ts';

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

function reasonFor(text: string): string {
  try {
    decodeKit(text);
    return 'none';
  } catch (error) {
    return Error.isError(error) ? error.message : 'no error';
  }
}

describe('a recovery kit', () => {
  test('is read as it is printed, and as people type it', () => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const groups = encodeKit(secret);
        const typed = groups.map((group) =>
          group.toLowerCase().replace('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l'),
        );
        const numbered = groups.map((group, index) => `  ${index + 1}.  ${group}  `);
        const page = ['Holdfast', '', KIT_MARK, '', ...numbered, '', 'Keep it apart.'];
        for (const lines of [groups, typed, page])
          expect(decodeKit(lines.join('\r\n')).equals(secret)).toBe(true);
        expect(isKit(groups.join('\n'))).toBe(true);
      }),
    );
  });

  test('names the group of every single wrong character, and of groups that changed places', () => {
    fc.assert(
      fc.property(secrets, fc.nat(8), fc.nat(7), fc.nat(30), (secret, group, place, other) => {
        const groups = encodeKit(secret);
        const characters = [...(groups[group] as string).replace('-', '')];
        const others = [...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'].filter((one) => one !== characters[place]);
        characters[place] = others[other] as string;
        const wrong = groups.with(group, characters.join(''));
        expect(reasonFor(wrong.join('\n'))).toMatch(new RegExp(`printed: group ${group + 1} is mistyped$`));
        const next = (group + 1) % 9;
        const [one = '', two = ''] = [groups[group], groups[next]];
        expect(reasonFor(groups.with(group, two).with(next, one).join('\n'))).toContain(
          `group ${group + 1} is`,
        );
      }),
    );
  });

  test('says what else is wrong with a group, and never what was typed', () => {
    const groups = encodeKit(Buffer.alloc(32, 7));
    const short = groups.with(2, 'SECR-ET').with(4, 'SECR-ETU!');
    expect(reasonFor(short.join('\n'))).toMatch(
      /group 3 has 6 characters instead of 8; group 5 has a character/,
    );
    expect(reasonFor(short.join('\n'))).not.toContain('SECR');
    expect(reasonFor(groups.slice(1).join('\n'))).toContain('it has 8 groups of 9');
    const numbered = groups.map((group, index) => `${index + 1} ${group}`).toSpliced(3, 1);
    expect(reasonFor([...numbered, '9 AAAA-AAAA'].join('\n'))).toContain(
      'group 4 is missing: number 5 stands',
    );
    // Two groups of other kits that happen to be sound are told by the check over all of them.
    expect(reasonFor([...encodeKit(Buffer.alloc(32)).slice(0, 8), groups[8]].join('\n'))).toContain(
      'do not belong together',
    );
  });

  test('is not what a passphrase is taken for', () => {
    for (const text of ['correct horse', 'AAAA-BBBB\n', encodeKit(Buffer.alloc(32)).join('-'), '']) {
      expect(isKit(text)).toBe(false);
    }
    expect(isKit(`${KIT_MARK}\nAAAA`)).toBe(true);
  });
});
