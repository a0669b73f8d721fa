/** Nova's ways of writing true, numbers and times, read and written at the door. */

export function truth(value: boolean | string): boolean {
  return typeof value === 'boolean' ? value : ['true', '1', 'on', 'yes'].includes(value.toLowerCase());
}

/** `2026-05-01T10:00:00Z` */
export function asTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** As Python writes a time without a zone: `2026-05-01T10:00:00.123000` */
export function asPreciseTime(date: Date): string {
  return `${date.toISOString().slice(0, 23)}000`;
}
