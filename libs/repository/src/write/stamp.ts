import type { FileStat } from './file-stat.ts';

/** 53 bits that stand for "this very state of an inode held this content". */
export type Stamper = (stat: FileStat, digest: Uint8Array) => number;

const DIGEST_WORDS = 4;

/**
 * Binds what the system says of a file (inode, times, size) to the content that was read from it. The path is no part of
 * it: a renamed inode has another ctime. Nor is the device: its number changes when a volume is mounted again, and a frozen
 * copy of a volume has another, with the same inodes. Seeded with the repository's secret, so that nobody can choose
 * files whose stamps are alike.
 */
export function createStamper(seed: Buffer): Stamper {
  const [one_start, other_start] = [seed.readInt32LE(8), seed.readInt32LE(12)];
  return (stat, digest) => {
    let one = one_start;
    let other = other_start;
    const mix = (value: number) => {
      one = Math.imul(one ^ value, 0x5bd1_e995);
      one ^= one >>> 15;
      other = Math.imul(other ^ value, 0x2c1b_3c6d);
      other ^= other >>> 13;
    };
    mix(stat.ino_low);
    mix(stat.ino_high);
    mix(stat.size);
    mix(stat.size / 2 ** 32);
    mix(stat.mtime_seconds);
    mix(stat.mtime_rest_ns);
    mix(stat.ctime_seconds);
    mix(stat.ctime_rest_ns);
    for (let at = 0; at < DIGEST_WORDS * 4; at += 4) {
      mix(
        (digest[at] as number) |
          ((digest[at + 1] as number) << 8) |
          ((digest[at + 2] as number) << 16) |
          ((digest[at + 3] as number) << 24),
      );
    }
    return (one >>> 0) + (other & 0x1f_ffff) * 2 ** 32;
  };
}
