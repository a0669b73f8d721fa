/** Moments as keystone writes and reads them. */

/** With all six digits of the fraction; ours has three. */
export function microseconds(moment: Date): string {
  return moment.toISOString().replace('Z', '000Z');
}

/** With all six digits of the fraction, and without the zone, which is always UTC. */
export function naive(time: string): string {
  const [seconds = '', fraction = ''] = time.replace('Z', '').split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}`;
}
