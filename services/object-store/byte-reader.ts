/** Less came than was said. */
export class EndedEarly extends Error {
  override name = 'EndedEarly';
}

/** Reads a stream by amounts and up to marks, holding no more of it than one chunk and what it looks for. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #waiting: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Whether nothing comes any more. */
  async isOver(): Promise<boolean> {
    while (this.#waiting.length === 0) if (!(await this.#more())) return true;
    return false;
  }

  /** So many bytes; fewer where the stream ends before. */
  async take(count: number): Promise<Buffer> {
    while (this.#waiting.length < count && (await this.#more()));
    return this.#cut(Math.min(count, this.#waiting.length));
  }

  /** So many bytes, in pieces as they come. Throws where the stream ends before. */
  async *pieces(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (this.#waiting.length === 0 && !(await this.#more())) throw new EndedEarly(`The stream ended ${left} bytes too early`);
      const piece = this.#cut(Math.min(left, this.#waiting.length));
      left -= piece.length;
      yield piece;
    }
  }

  /** All up to a mark, which is taken too, in pieces as they come. Throws where the stream ends without it. */
  async *upTo(mark: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#waiting.indexOf(mark);
      if (at >= 0) {
        if (at > 0) yield this.#cut(at);
        this.#cut(mark.length);
        return;
      }
      // The last bytes may be the beginning of the mark.
      const safe = this.#waiting.length - mark.length + 1;
      if (safe > 0) yield this.#cut(safe);
      if (!(await this.#more())) throw new EndedEarly('The stream ended before its mark');
    }
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const { done, value } = await this.#chunks.next();
    if (done === true) this.#ended = true;
    else this.#waiting = this.#waiting.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.concat([this.#waiting, value]);
    return done !== true;
  }

  #cut(count: number): Buffer {
    const cut = this.#waiting.subarray(0, count);
    this.#waiting = this.#waiting.subarray(count);
    return cut;
  }
}
