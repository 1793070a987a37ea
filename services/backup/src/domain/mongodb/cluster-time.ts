/** A moment of a replica set: seconds since the epoch, and the number of the write within that second. */
export interface ClusterTime {
  readonly seconds: number;
  readonly increment: number;
}

const INCREMENT_MAX = 0xffffffff;
const DIGITS = 10;

/** Below zero: `one` came before `other`. */
export function compareTimes(one: ClusterTime, other: ClusterTime): number {
  return one.seconds - other.seconds || one.increment - other.increment;
}

/** The later of two. */
export function laterOf(one: ClusterTime, other: ClusterTime): ClusterTime {
  return compareTimes(one, other) < 0 ? other : one;
}

/** `1795566526.0000000013`: sorts as text as it does in time. */
export function formatTime({ seconds, increment }: ClusterTime): string {
  return `${pad(seconds)}.${pad(increment)}`;
}

/** Reads what `formatTime` writes, with or without the zeros; null where it is something else. */
export function parseTime(text: string): ClusterTime | null {
  const [, seconds, increment] = /^(\d{1,10})\.(\d{1,10})$/.exec(text) ?? [];
  if (seconds === undefined || increment === undefined) return null;
  const time = { seconds: Number(seconds), increment: Number(increment) };
  return time.seconds <= INCREMENT_MAX && time.increment <= INCREMENT_MAX ? time : null;
}

/** From the eight bytes of a BSON timestamp. */
export function timeOfBytes(value: Buffer): ClusterTime {
  return { increment: value.readUInt32LE(0), seconds: value.readUInt32LE(4) };
}

/** The eight bytes of a BSON timestamp. */
export function bytesOfTime({ seconds, increment }: ClusterTime): Buffer {
  const value = Buffer.alloc(8);
  value.writeUInt32LE(increment, 0);
  value.writeUInt32LE(seconds, 4);
  return value;
}

/** The last moment of the second that a time of day lies in: MongoDB's own clock knows whole seconds. */
export function endOfSecond(time_ms: number): ClusterTime {
  return { seconds: Math.floor(time_ms / 1000), increment: INCREMENT_MAX };
}

/** As people read it, to the second where the whole second is meant: `2026-11-25T00:28:46Z (1795566526.13)`. */
export function describeTime({ seconds, increment }: ClusterTime): string {
  const text = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  return increment === INCREMENT_MAX ? text : `${text} (${seconds}.${increment})`;
}

/**
 * How far a stream has come that hands out this resume token: its `_data` begins with the type of a timestamp and its
 * eight bytes. Null where it does not.
 */
export function timeOfToken(data: string): ClusterTime | null {
  const [, seconds, increment] = /^82([0-9A-F]{8})([0-9A-F]{8})/i.exec(data) ?? [];
  if (seconds === undefined || increment === undefined) return null;
  return { seconds: Number.parseInt(seconds, 16), increment: Number.parseInt(increment, 16) };
}

function pad(number: number): string {
  return String(number).padStart(DIGITS, '0');
}
