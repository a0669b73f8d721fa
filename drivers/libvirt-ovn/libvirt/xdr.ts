/** External data representation (RFC 4506), as far as libvirt's remote protocol uses it. */

export class XdrWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  uint(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  hyper(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64BE(value);
    this.#parts.push(part);
    return this;
  }

  /** Bytes of a length that both sides know. */
  fixed(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes), padding(bytes.length));
    return this;
  }

  string(text: string): this {
    const bytes = Buffer.from(text, 'utf8');
    return this.uint(bytes.length).fixed(bytes);
  }

  /** A pointer to a string: whether it is there, then it. */
  optionalString(text: string | null): this {
    return text === null ? this.uint(0) : this.uint(1).string(text);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export class XdrReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  uint(): number {
    return this.#take(4).readUInt32BE();
  }

  hyper(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  fixed(length: number): Buffer {
    const bytes = this.#take(length);
    this.#take((4 - (length % 4)) % 4);
    return bytes;
  }

  string(): string {
    return this.fixed(this.uint()).toString('utf8');
  }

  optionalString(): string | null {
    return this.uint() === 0 ? null : this.string();
  }

  list<T>(read: (reader: XdrReader) => T): T[] {
    const length = this.uint();
    // An element is 4 bytes or more: a length that the message cannot hold is a lie, not a reason to allocate.
    if (length * 4 > this.#bytes.length - this.#at) throw new RangeError(`A list of ${length} elements does not fit the message`);
    return Array.from({ length }, () => read(this));
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError(`The message ends before byte ${this.#at + length}`);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
