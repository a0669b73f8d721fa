/** Amounts are whole billionths of a currency; nothing here is a float. */
import { badRequest } from '../../kit/fault.ts';

export const nanosPerUnit = 1_000_000_000n;

/** Of a decimal text with at most nine places. */
export function nanosOf(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) throw badRequest(`"${text}" is no amount of money`, 'invalid');
  const [, sign, whole, places = ''] = match;
  const nanos = BigInt(whole!) * nanosPerUnit + BigInt(places.padEnd(9, '0'));
  return sign === '-' ? -nanos : nanos;
}

/** With as many places as it takes, and at least so many. */
export function moneyOf(nanos: bigint, decimals = 0): string {
  const [sign, size] = nanos < 0n ? ['-', -nanos] : ['', nanos];
  const places = String(size % nanosPerUnit).padStart(9, '0').replace(new RegExp(`0{0,${9 - decimals}}$`), '');
  return `${sign}${size / nanosPerUnit}${places === '' ? '' : `.${places}`}`;
}

/** The nearest whole number; of two that are as near, the even one. */
export function dividedHalfEven(numerator: bigint, denominator: bigint): bigint {
  if (denominator <= 0n) throw new RangeError('Only a positive number divides');
  let quotient = numerator / denominator;
  let rest = numerator % denominator;
  if (rest < 0n) {
    quotient -= 1n;
    rest += denominator;
  }
  const twice = rest * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n !== 0n) ? quotient + 1n : quotient;
}

/** Nanos in whole coins of a currency with so many decimals: still nanos. */
export function toCoins(nanos: bigint, decimals: number): bigint {
  const coin = 10n ** BigInt(9 - decimals);
  return dividedHalfEven(nanos, coin) * coin;
}
