/**
 * The few encodings that every binary structure of the repository is made of: little-endian integers, LEB128
 * varints (unsigned, at most 2^53 - 1), and byte strings behind their length.
 */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 1024) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
    return this;
  }

  /** Any integer from 0 to 2^53 - 1, in the room of a 64-bit one. */
  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  /** Any integer from -(2^53 - 1) to 2^53 - 1. */
  i64(value: number): this {
    this.#reserve(8);
    this.#length = this.#buffer.writeUInt32LE(value >>> 0, this.#length);
    this.#length = this.#buffer.writeInt32LE(Math.floor(value / 2 ** 32), this.#length);
    return this;
  }

  varint(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A byte string behind its length. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** The same for a string whose characters are bytes (0–255), from one of them on. */
  latin1(text: string, from = 0): this {
    const length = text.length - from;
    this.varint(length).#reserve(length);
    for (let index = from; index < text.length; index += 1)
      this.#buffer[this.#length++] = text.charCodeAt(index);
    return this;
  }

  /** What was written: a view that the next write may change. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Begins again, in the same memory. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  /** What was written, in memory of its own. */
  finish(): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.#length);
    this.#buffer.copy(copy, 0, 0, this.#length);
    return copy;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Reads what ByteWriter wrote; throws RangeError where the bytes end too early. */
export class ByteReader {
  readonly #data: Buffer;
  #position = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get left(): number {
    return this.#data.length - this.#position;
  }

  u8(): number {
    this.#need(1);
    return this.#data[this.#position++] as number;
  }

  u32(): number {
    const value = this.#data.readUInt32LE(this.#position);
    this.#position += 4;
    return value;
  }

  u64(): number {
    const low = this.u32();
    return this.u32() * 2 ** 32 + low;
  }

  i64(): bigint {
    const value = this.#data.readBigInt64LE(this.#position);
    this.#position += 8;
    return value;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new RangeError('a varint is too long');
  }

  /** A view, not a copy. */
  raw(length: number): Buffer {
    this.#need(length);
    const view = this.#data.subarray(this.#position, this.#position + length);
    this.#position += length;
    return view;
  }

  bytes(): Buffer {
    return this.raw(this.varint());
  }

  latin1(): string {
    const length = this.varint();
    this.#need(length);
    const text = this.#data.toString('latin1', this.#position, this.#position + length);
    this.#position += length;
    return text;
  }

  #need(length: number): void {
    if (this.left < length) throw new RangeError('the bytes end too early');
  }
}
