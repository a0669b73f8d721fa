/** Ranges of bytes: RFC 9110, 14, as swift/common/swob.py reads it. */
import type { Span } from './bodies.ts';

const mostRanges = 50;

/** Undefined: the header means nothing, and all is sent. None: nothing of what was asked for is there. */
export function spansOf(range: string | undefined, sizeBytes: number): Span[] | undefined {
  const [, text] = /^bytes=(.*)$/i.exec(range?.trim() ?? '') ?? [];
  if (text === undefined) return undefined;
  const spans: Span[] = [];
  let asked = 0;
  for (const each of text.split(',')) {
    const [, from = '', to = ''] = /^\s*(\d{0,15})-(\d{0,15})\s*$/.exec(each) ?? [];
    if (from === '' && to === '') return undefined;
    if (from !== '' && to !== '' && Number(from) > Number(to)) return undefined;
    asked += 1;
    const first = from === '' ? Math.max(0, sizeBytes - Number(to)) : Number(from);
    const last = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
    if (from === '' && Number(to) === 0) continue;
    if (first <= last && first < sizeBytes) spans.push({ first, last });
  }
  // swob.py, Range.ranges_for_length: many ranges, or such that lie over one another, cost more than they are worth.
  if (asked > mostRanges || isWasteful(spans)) return [];
  return spans;
}

function isWasteful(spans: readonly Span[]): boolean {
  let overlapping = 0;
  for (const [index, { first, last }] of spans.entries()) if (spans.slice(index + 1).some((other) => other.first <= last && first <= other.last)) overlapping += 1;
  return overlapping > 2;
}
