/** IP addresses as numbers: what must be decided before the database is asked. */
import { isIP } from 'node:net';

export type Address = { version: 4 | 6; value: bigint };
export type Block = { version: 4 | 6; first: bigint; last: bigint; prefix: number };

export function parseAddress(text: string): Address | undefined {
  switch (isIP(text)) {
    case 4:
      return { version: 4, value: text.split('.').reduce((value, octet) => value * 256n + BigInt(octet), 0n) };
    case 6:
      return text.includes('%') ? undefined : { version: 6, value: value6(text) };
    default:
      return undefined;
  }
}

/** The block around the address: `10.0.0.7/24` is 10.0.0.0 to 10.0.0.255. Undefined when it is none; `10.0.0.0` alone is none either. */
export function parseBlock(text: string): Block | undefined {
  const [addressText = '', prefixText = '', ...rest] = text.split('/');
  const address = parseAddress(addressText);
  if (!address || rest.length > 0 || !/^\d{1,3}$/.test(prefixText)) return undefined;
  const bits = bitsOf(address.version);
  const prefix = Number(prefixText);
  if (prefix > bits) return undefined;
  const size = 1n << BigInt(bits - prefix);
  const first = (address.value / size) * size;
  return { version: address.version, first, last: first + size - 1n, prefix };
}

export function bitsOf(version: 4 | 6): number {
  return version === 4 ? 32 : 128;
}

export function formatAddress({ version, value }: Address): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return compressed(groups);
}

export function formatBlock(block: Block): string {
  return `${formatAddress({ version: block.version, value: block.first })}/${block.prefix}`;
}

export function holds(block: Block, address: Address): boolean {
  return block.version === address.version && block.first <= address.value && address.value <= block.last;
}

export function within(inner: Block, outer: Block): boolean {
  return inner.version === outer.version && outer.first <= inner.first && inner.last <= outer.last;
}

/** The same addresses in the fewest blocks, in order; all of one version. */
export function compacted(blocks: readonly Block[]): Block[] {
  const kept: Block[] = [];
  for (const block of blocks.toSorted((one, other) => (one.first === other.first ? one.prefix - other.prefix : one.first < other.first ? -1 : 1))) {
    let next = block;
    if (kept.some((each) => within(next, each))) continue;
    for (let before = kept.at(-1); before && areHalves(before, next); before = kept.at(-1)) {
      kept.pop();
      next = { version: next.version, first: before.first, last: next.last, prefix: next.prefix - 1 };
    }
    kept.push(next);
  }
  return kept;
}

function areHalves(low: Block, high: Block): boolean {
  return low.prefix === high.prefix && low.last + 1n === high.first && low.first % (2n * (low.last - low.first + 1n)) === 0n;
}

/** What is left of these blocks when others are taken out, in the fewest blocks. */
export function without(blocks: readonly Block[], removed: readonly Block[]): Block[] {
  const left = blocks.flatMap(function keep(block): Block[] {
    const touching = removed.filter((each) => overlap(each, block));
    if (touching.length === 0) return [block];
    if (touching.some((each) => within(block, each))) return [];
    const half = (block.last - block.first + 1n) / 2n;
    const prefix = block.prefix + 1;
    return [{ ...block, prefix, last: block.first + half - 1n }, { ...block, prefix, first: block.first + half }].flatMap(keep);
  });
  return compacted(left);
}

/** The first block of this length within these that overlaps none of the taken ones; the smallest that has room gives it. */
export function firstFree(blocks: readonly Block[], taken: readonly Block[], prefix: number): Block | undefined {
  for (const block of blocks.toSorted((one, other) => other.prefix - one.prefix)) {
    if (block.prefix > prefix) continue;
    const size = 1n << BigInt(bitsOf(block.version) - prefix);
    for (let first = block.first; first + size - 1n <= block.last; ) {
      const candidate: Block = { version: block.version, first, last: first + size - 1n, prefix };
      const other = taken.find((each) => overlap(each, candidate));
      if (!other) return candidate;
      // Behind it, where a block of this length can begin.
      first = ((other.last > candidate.last ? other.last : candidate.last) / size + 1n) * size;
    }
  }
  return undefined;
}

/** The address that a host with this MAC gives itself in a /64: RFC 4291, appendix A. */
export function eui64(block: Block, mac: string): Address {
  const octets = mac.split(':').map((octet) => BigInt(`0x${octet}`));
  const [first = 0n, ...rest] = octets;
  const bytes = [first ^ 2n, ...rest.slice(0, 2), 0xffn, 0xfen, ...rest.slice(2)];
  return { version: 6, value: block.first + bytes.reduce((value, byte) => (value << 8n) + byte, 0n) };
}

export function overlap(one: Block, other: Block): boolean {
  return one.version === other.version && one.first <= other.last && other.first <= one.last;
}

function value6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted ? `${dotted[1]}${tail(dotted[2]!)}` : text;
  const [before = '', after] = plain.split('::');
  const groups = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'));
  const left = groups(before);
  const right = groups(after);
  const all = after === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return all.reduce((value, group) => (value << 16n) + BigInt(`0x${group}`), 0n);
}

function tail(ipv4: string): string {
  const value = parseAddress(ipv4)!.value;
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

/** RFC 5952: the longest run of zeros, of two at least, is left out; the first of equal ones. */
function compressed(groups: string[]): string {
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === '0') length++;
    if (length > best.length) best = { at, length };
  }
  if (best.at < 0) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}
