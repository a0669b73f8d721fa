/** Lists of who may read or write a container: swift/common/middleware/acl.py, and keystoneauth.py for whom they name. */
import { badRequest } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';

export type AccessList = { referrers: string[]; groups: string[] };

/** In its one way of writing; refuses what cannot be understood. */
export function cleanAccessList(name: 'X-Container-Read' | 'X-Container-Write', value: string): string {
  return value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => cleanItem(name, each))
    .join(',');
}

function cleanItem(name: string, item: string): string {
  const colon = item.indexOf(':');
  const first = item.slice(0, colon).trim();
  if (colon < 0 || !first.startsWith('.')) return item;
  if (!['.r', '.ref', '.referer', '.referrer'].includes(first)) throw badRequest(`Invalid header value: Unknown designator '${first}' in ACL: '${item}'`);
  if (name === 'X-Container-Write') throw badRequest(`Invalid header value: Referrers not allowed in write ACL: '${item}'`);
  const second = item.slice(colon + 1).trim();
  const isRefused = second.startsWith('-');
  const host = isRefused ? second.slice(1).trim() : second;
  const domain = host !== '*' && host.startsWith('*') ? host.slice(1).trim() : host;
  if (domain === '' || domain === '.') throw badRequest(`Invalid header value: No host/domain value after referrer designation in ACL: '${item}'`);
  return `.r:${isRefused ? '-' : ''}${domain}`;
}

export function readAccessList(text: string | undefined): AccessList {
  const items = (text ?? '').split(',').filter((each) => each !== '');
  return { referrers: items.filter((each) => each.startsWith('.r:')).map((each) => each.slice(3)), groups: items.filter((each) => !each.startsWith('.r:')).map(unquoted) };
}

/** The last one that is about the host decides. */
export function isReferrerAllowed(referrer: string | undefined, { referrers }: AccessList): boolean {
  const host = hostOf(referrer);
  const isAbout = (pattern: string) => pattern === host || (pattern.startsWith('.') && host.endsWith(pattern));
  let allowed = false;
  for (const each of referrers) {
    if (each.startsWith('-')) {
      if (isAbout(each.slice(1))) allowed = false;
    } else if (each === '*' || isAbout(each)) allowed = true;
  }
  return allowed;
}

/** `<project>:<user>` by ids, or by names where those are of the default domain; a star is any. */
export function namesCaller({ groups }: AccessList, caller: Caller, { byName }: { byName: boolean }): boolean {
  const projects = [caller.projectId, '*', ...(byName ? [caller.projectName] : [])];
  const users = [caller.userId, '*', ...(byName ? [caller.userName] : [])];
  return projects.some((project) => users.some((user) => project !== null && groups.includes(`${project}:${user}`)));
}

function hostOf(referrer: string | undefined): string {
  return URL.canParse(referrer ?? '') ? new URL(referrer!).hostname || 'unknown' : 'unknown';
}

function unquoted(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // What is no quoting stands for itself.
    return text;
  }
}
