/** Moments as requests write them. */
import { badRequest } from '../../kit/fault.ts';

/** RFC 3339 knows leap seconds, which no clock of ours has. */
export function momentOf(text: string): Date {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) throw badRequest(`There is no such moment: ${text}`, 'invalid');
  return moment;
}
