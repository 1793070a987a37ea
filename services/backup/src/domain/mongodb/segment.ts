import { createHash, type Hash } from 'node:crypto';
import { BSON_TYPE, bsonDocument, bsonField, bsonInt32 } from './bson-bytes.ts';
import {
  bytesOfTime,
  type ClusterTime,
  compareTimes,
  formatTime,
  parseTime,
  timeOfBytes,
} from './cluster-time.ts';

/** A piece of the change log: what happened after `from`, up to and with `to`. Its file is named for both. */
export interface SegmentName {
  readonly from: ClusterTime;
  readonly to: ClusterTime;
}

/** The last document of a segment: without it the file was cut short. */
export interface SegmentEnd {
  readonly to: ClusterTime;
  readonly events: number;
  /** Where the stream goes on. */
  readonly token: Buffer;
}

const FORMAT = 1;
const NAME = /^(\d{10}\.\d{10})-(\d{10}\.\d{10})\.bson$/;
const BINARY = 0x05;
const SHA256_BYTES = 32;

export function segmentFile({ from, to }: SegmentName): string {
  return `${formatTime(from)}-${formatTime(to)}.bson`;
}

/** Null for what is no segment: an unfinished file, or anything else. */
export function parseSegmentFile(file: string): SegmentName | null {
  const [, first = '', last = ''] = NAME.exec(file) ?? [];
  const [from, to] = [parseTime(first), parseTime(last)];
  return from === null || to === null ? null : { from, to };
}

/** The first document of a segment. */
export function segmentHead(from: ClusterTime): Buffer {
  return bsonDocument([
    bsonInt32('format', FORMAT),
    { type: BSON_TYPE.timestamp, name: 'from', value: bytesOfTime(from) },
  ]);
}

/** The last document; `hash` has taken all bytes before it. */
export function segmentEnd({ to, events, token }: SegmentEnd, hash: Hash): Buffer {
  const digest = hash.digest();
  const size = Buffer.alloc(5);
  size.writeInt32LE(digest.length, 0);
  return bsonDocument([
    { type: BSON_TYPE.timestamp, name: 'to', value: bytesOfTime(to) },
    bsonInt32('events', events),
    { type: BSON_TYPE.document, name: 'token', value: token },
    { type: BINARY, name: 'sha256', value: Buffer.concat([size, digest]) },
  ]);
}

/** The events of a whole segment and its end. Throws a RangeError that says what is wrong with it. */
export function readSegment(documents: readonly Buffer[]): { events: Buffer[]; end: SegmentEnd } {
  const [head, last] = [documents[0], documents.at(-1)];
  if (head === undefined || last === undefined || documents.length < 2)
    throw new RangeError('it is cut short');
  if (bsonField(head, 'format')?.value.readInt32LE(0) !== FORMAT)
    throw new RangeError('it has an unknown format');
  const [to, count, token, sum] = ['to', 'events', 'token', 'sha256'].map((name) => bsonField(last, name));
  if (to === undefined || count === undefined || token === undefined || sum === undefined)
    throw new RangeError('it is cut short');
  const hash = createHash('sha256');
  for (const document of documents.slice(0, -1)) hash.update(document);
  if (!hash.digest().equals(sum.value.subarray(-SHA256_BYTES)))
    throw new RangeError('its checksum does not match');
  const end = { to: timeOfBytes(to.value), events: count.value.readInt32LE(0), token: token.value };
  return { events: documents.slice(1, -1), end };
}

/** What cutting needs to know of an event. */
export interface Cuttable {
  readonly time: ClusterTime;
  readonly bytes: number;
}

/**
 * True where a segment may end before this event: it is large enough, and the event is of a later moment. All changes
 * of one transaction have the same time, so none is ever cut in two.
 */
export function mayCut(
  open: { last: ClusterTime; bytes: number },
  next: Cuttable,
  bytes_max: number,
): boolean {
  return open.bytes + next.bytes > bytes_max && compareTimes(next.time, open.last) > 0;
}

/**
 * The segments that lead without a gap from one moment on, oldest first: the one that the moment lies in, and each that
 * begins where the one before ends.
 */
export function chainFrom(segments: readonly SegmentName[], start: ClusterTime): SegmentName[] {
  // Where a merge was cut short some of its parts may still be there: what is merged goes before them.
  const sorted = [...segments].sort(
    (one, other) => compareTimes(one.from, other.from) || compareTimes(other.to, one.to),
  );
  const chain: SegmentName[] = [];
  let next: ClusterTime | null = null;
  for (const segment of sorted) {
    const isFirst =
      next === null && compareTimes(segment.from, start) <= 0 && compareTimes(start, segment.to) <= 0;
    const follows = next !== null && compareTimes(segment.from, next) === 0;
    if (!isFirst && !follows) continue;
    chain.push(segment);
    next = segment.to;
  }
  return chain;
}
