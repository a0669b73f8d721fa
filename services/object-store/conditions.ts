/** Conditional requests: RFC 9110, 13, in the order of swift/common/swob.py. */

export type Condition = 'met' | 'not modified' | 'failed';

type Validators = { etags: readonly string[]; modifiedAt: Date };

export function conditionOf(header: (name: string) => string | undefined, { etags, modifiedAt }: Validators): Condition {
  const modified = Math.ceil(modifiedAt.getTime() / 1000) * 1000;
  const noneMatch = header('if-none-match');
  if (noneMatch !== undefined && isAmong(noneMatch, etags)) return 'not modified';
  const match = header('if-match');
  if (match !== undefined && !isAmong(match, etags)) return 'failed';
  const modifiedSince = timeOf(header('if-modified-since'));
  if (modifiedSince !== undefined && noneMatch === undefined && modified <= modifiedSince) return 'not modified';
  const unmodifiedSince = timeOf(header('if-unmodified-since'));
  if (unmodifiedSince !== undefined && match === undefined && modified > unmodifiedSince) return 'failed';
  return 'met';
}

/** Whether a range may be sent of what the client has a part of already. */
export function isStillTheSame(ifRange: string | undefined, { etags, modifiedAt }: Validators): boolean {
  if (ifRange === undefined) return true;
  const time = /^\w{3}, /.test(ifRange) ? timeOf(ifRange) : undefined;
  return time === undefined ? isAmong(ifRange, etags) : Math.ceil(modifiedAt.getTime() / 1000) * 1000 <= time;
}

function isAmong(list: string, etags: readonly string[]): boolean {
  const wanted = list.split(',').map((each) => each.trim().replace(/^W\//, '').replaceAll(/^"|"$/g, ''));
  return wanted.some((each) => each === '*' || etags.includes(each));
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}
