/** Conditions of writing: conditional-writes of the object store's reference. */
import type { AccountContext } from '../object-store/accounts.ts';
import type { Container } from '../object-store/containers.ts';
import { headerOf, type IncomingHeaders } from '../object-store/header-text.ts';
import { findObject } from '../object-store/objects.ts';
import { notImplemented, refused } from './refusals.ts';

/** What must be there, or must not, before something is written: looked at when nobody else writes that name. */
export function conditionOfWrite(headers: IncomingHeaders): (context: AccountContext, container: Pick<Container, 'id'>, key: string) => Promise<void> {
  const [match, noneMatch] = [headerOf(headers, 'if-match'), headerOf(headers, 'if-none-match')];
  if (noneMatch !== undefined && noneMatch.trim() !== '*') throw notImplemented('A condition of writing other than If-None-Match: *');
  return async (context, container, key) => {
    if (match === undefined && noneMatch === undefined) return;
    const there = await findObject(context, container, key);
    if (noneMatch !== undefined && there) throw refused('PreconditionFailed');
    if (match === undefined) return;
    if (!there) throw refused('NoSuchKey');
    if (match.trim() !== '*' && match.replaceAll('"', '').trim() !== there.etag) throw refused('PreconditionFailed');
  };
}
