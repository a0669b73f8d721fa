/** CRC-32C and CRC-64/NVME, eight bytes at a time: Node has neither. */

/** Tables for each of eight bytes in a row, each of the low and the high half of a code of 64 bits. */
type Tables = { low: Uint32Array[]; high: Uint32Array[] };

function tablesOf(polynomial: bigint): Tables {
  const first = Array.from({ length: 256 }, (_, byte) => {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) value = (value & 1n) === 0n ? value >> 1n : (value >> 1n) ^ polynomial;
    return value;
  });
  const all = [first];
  for (let table = 1; table < 8; table++) all.push(all[table - 1]!.map((value) => (value >> 8n) ^ first[Number(value & 0xffn)]!));
  return { low: all.map((each) => Uint32Array.from(each, (value) => Number(value & 0xffffffffn))), high: all.map((each) => Uint32Array.from(each, (value) => Number(value >> 32n))) };
}

const tables32 = tablesOf(0x82f63b78n);
const tables64 = tablesOf(0x9a6c9329ac4bc9b5n);

export class Crc32c {
  #sum = -1;

  update(bytes: Uint8Array): void {
    const [t0, t1, t2, t3, t4, t5, t6, t7] = tables32.low as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
    let sum = this.#sum;
    let at = 0;
    for (const end = bytes.length - 7; at < end; at += 8) {
      sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      sum = t7[sum & 255]! ^ t6[(sum >>> 8) & 255]! ^ t5[(sum >>> 16) & 255]! ^ t4[sum >>> 24]! ^ t3[bytes[at + 4]!]! ^ t2[bytes[at + 5]!]! ^ t1[bytes[at + 6]!]! ^ t0[bytes[at + 7]!]!;
    }
    for (; at < bytes.length; at++) sum = t0[(sum ^ bytes[at]!) & 255]! ^ (sum >>> 8);
    this.#sum = sum;
  }

  digest(): Buffer {
    const value = Buffer.alloc(4);
    value.writeInt32BE(~this.#sum);
    return value;
  }
}

export class Crc64Nvme {
  #low = -1;
  #high = -1;

  update(bytes: Uint8Array): void {
    const { low: l, high: h } = tables64 as unknown as Record<'low' | 'high', [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array]>;
    let [low, high] = [this.#low, this.#high];
    let at = 0;
    for (const end = bytes.length - 7; at < end; at += 8) {
      const one = low ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
      const two = high ^ (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24));
      const [a, b, c, d, e, f, g, i] = [one & 255, (one >>> 8) & 255, (one >>> 16) & 255, one >>> 24, two & 255, (two >>> 8) & 255, (two >>> 16) & 255, two >>> 24];
      low = l[7][a]! ^ l[6][b]! ^ l[5][c]! ^ l[4][d]! ^ l[3][e]! ^ l[2][f]! ^ l[1][g]! ^ l[0][i]!;
      high = h[7][a]! ^ h[6][b]! ^ h[5][c]! ^ h[4][d]! ^ h[3][e]! ^ h[2][f]! ^ h[1][g]! ^ h[0][i]!;
    }
    for (; at < bytes.length; at++) {
      const index = (low ^ bytes[at]!) & 255;
      low = ((low >>> 8) | (high << 24)) ^ l[0][index]!;
      high = (high >>> 8) ^ h[0][index]!;
    }
    this.#low = low;
    this.#high = high;
  }

  digest(): Buffer {
    const value = Buffer.alloc(8);
    value.writeInt32BE(~this.#high);
    value.writeInt32BE(~this.#low, 4);
    return value;
  }
}
