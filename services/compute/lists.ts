/** Pages of lists that are cut in memory because they are short, and the links between pages. */
import { badRequest } from '../../kit/fault.ts';

/** nova/conf/api.py, max_limit */
export const mostPerPage = 1000;

/** The part after the marker, at most `limit` long; `next` when there is more. */
export function cut<T extends { id: string }>(list: readonly T[], { limit, marker }: { limit?: number | undefined; marker?: string | undefined }): { page: T[]; next: string | undefined } {
  const after = marker === undefined ? -1 : list.findIndex(({ id }) => id === marker);
  if (marker !== undefined && after < 0) throw badRequest(`marker [${marker}] not found`);
  // Nova takes 0 for no limit of the caller's.
  const most = Math.min(limit || mostPerPage, mostPerPage);
  const page = list.slice(after + 1, after + 1 + most);
  return { page, next: list.length > after + 1 + page.length ? page.at(-1)?.id : undefined };
}

/** Link to the same list after this marker. */
export function nextLinks(href: string | undefined): { rel: string; href: string }[] | undefined {
  return href === undefined ? undefined : [{ rel: 'next', href }];
}

/** In this version and without one: nova/api/openstack/common.py, ViewBuilder._get_links */
export function linksTo(request: { base: string; url(path: string): string }, path: string): { rel: string; href: string }[] {
  return [{ rel: 'self', href: request.url(path) }, bookmark(request, path)];
}

export function bookmark({ base }: { base: string }, path: string): { rel: string; href: string } {
  return { rel: 'bookmark', href: `${base}/compute${path}` };
}
