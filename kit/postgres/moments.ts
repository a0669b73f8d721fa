/** Moments as PostgreSQL writes them to us: a list of a thousand servers has five thousand. */
import { types } from 'pg';

const usual = types.getTypeParser(types.builtins.TIMESTAMPTZ, 'text') as (text: string) => Date;

/** `2026-05-01 10:00:00.123456+00`, which is what our connections are told; whatever else there may be (an infinity, the year 44 or 12026) by the usual way. */
export function parseMoment(text: string): Date {
  if (text.length < 22 || text.length > 29 || !text.endsWith('+00') || text.charCodeAt(0) === zero || text.charCodeAt(4) !== dash || text.charCodeAt(10) !== space) return usual(text);
  const milliseconds = text.length === 22 ? 0 : Number(text.slice(20, -3).padEnd(3, '0').slice(0, 3));
  return new Date(Date.UTC(two(text, 0) * 100 + two(text, 2), two(text, 5) - 1, two(text, 8), two(text, 11), two(text, 14), two(text, 17), milliseconds));
}

const [dash, space, zero] = [0x2d, 0x20, 0x30];

function two(text: string, at: number): number {
  return (text.charCodeAt(at) - zero) * 10 + text.charCodeAt(at + 1) - zero;
}
