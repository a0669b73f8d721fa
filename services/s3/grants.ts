/**
 * Who may what, as access control lists say it. Those of a bucket are Swift's own lists of the container, so that both doors
 * let in the same people; those of an object are this door's.
 */
import { nobody, type Caller } from '../../kit/http/caller.ts';
import type { HeaderChanges } from '../object-store/accounts.ts';
import { headerOf, type IncomingHeaders } from '../object-store/header-text.ts';
import { notImplemented, refused } from './refusals.ts';
import { childOf, childrenOf, document, malformed, parse, textOf, type Element } from './xml.ts';

export type Permission = 'READ' | 'WRITE' | 'READ_ACP' | 'WRITE_ACP' | 'FULL_CONTROL';
/** A project, everybody, or everybody with a token or key. */
type Grantee = { project: string } | 'everybody' | 'users';
export type Grant = { grantee: Grantee; permission: Permission };

const groups = { everybody: 'http://acs.amazonaws.com/groups/global/AllUsers', users: 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers' } as const;
const permissions: readonly Permission[] = ['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP', 'FULL_CONTROL'];
const schemaInstance = 'http://www.w3.org/2001/XMLSchema-instance';

export function isGranted(grants: readonly Grant[], wanted: Permission, caller: Caller): boolean {
  return grants.some(({ grantee, permission }) => (permission === wanted || permission === 'FULL_CONTROL') && (grantee === 'everybody' || (caller !== nobody && (grantee === 'users' || (typeof grantee === 'object' && grantee.project === caller.projectId)))));
}

export function grantsOfObject({ facts }: { facts: Readonly<Record<string, unknown>> }): Grant[] {
  return (facts['grants'] as Grant[] | undefined) ?? [];
}

/** What the container's lists say, for others than its own project. */
export function grantsOfBucket({ headers }: { headers: Readonly<Record<string, string>> }): Grant[] {
  return (['read', 'write'] as const).flatMap((list) =>
    (headers[`x-container-${list}`] ?? '').split(',').flatMap((item): Grant[] => {
      const permission = list === 'read' ? 'READ' : 'WRITE';
      if (item === '.r:*') return [{ grantee: 'everybody', permission }];
      if (item === '*:*') return [{ grantee: 'users', permission }];
      const [, project] = /^([\w.-]+):\*$/.exec(item) ?? [];
      return project === undefined ? [] : [{ grantee: { project }, permission }];
    }),
  );
}

/** Swift's lists that say the same. */
export function listsFor(grants: readonly Grant[]): HeaderChanges {
  const items = (permission: Permission) => grants.filter((grant) => grant.permission === permission || grant.permission === 'FULL_CONTROL').flatMap(({ grantee }) => (grantee === 'everybody' ? (permission === 'READ' ? ['.r:*', '.rlistings'] : ['.r:*']) : grantee === 'users' ? ['*:*'] : [`${grantee.project}:*`]));
  return { 'x-container-read': items('READ').join(',') || null, 'x-container-write': items('WRITE').join(',') || null };
}

/** As the headers of a request wish it; undefined: they say nothing of it. */
export function wishedGrants(headers: IncomingHeaders, owner: string): Grant[] | undefined {
  const canned = headerOf(headers, 'x-amz-acl');
  const named = permissions.flatMap((permission) => {
    const value = headerOf(headers, `x-amz-grant-${permission.toLowerCase().replaceAll('_', '-')}`);
    return value === undefined ? [] : value.split(',').map((each): Grant => ({ grantee: granteeNamed(each.trim()), permission }));
  });
  if (canned !== undefined && named.length > 0) throw refused('InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed');
  if (canned === undefined) return named.length === 0 ? undefined : others(named, owner);
  switch (canned) {
    case 'private':
    case 'bucket-owner-read':
    case 'bucket-owner-full-control':
      return [];
    case 'public-read':
      return [{ grantee: 'everybody', permission: 'READ' }];
    case 'public-read-write':
      return [{ grantee: 'everybody', permission: 'READ' }, { grantee: 'everybody', permission: 'WRITE' }];
    case 'authenticated-read':
      return [{ grantee: 'users', permission: 'READ' }];
    case 'aws-exec-read':
    case 'log-delivery-write':
      throw notImplemented(`The canned ACL ${canned}`);
    default:
      throw refused('InvalidArgument');
  }
}

function granteeNamed(text: string): Grantee {
  const [, kind = '', value = ''] = /^(id|uri|emailAddress)\s*=\s*"?([^"]*)"?$/.exec(text) ?? [];
  if (kind === 'uri') return groupNamed(value);
  if (kind === 'id' && /^[\w.-]{1,64}$/.test(value)) return { project: value };
  if (kind === 'emailAddress') throw notImplemented('A grant to an e-mail address');
  throw refused('InvalidArgument', 'Argument format not recognized');
}

function groupNamed(uri: string): Grantee {
  const found = Object.entries(groups).find(([, each]) => each === uri);
  if (!found) throw refused('InvalidArgument', 'Invalid group uri');
  return found[0] as keyof typeof groups;
}

/** Of an `AccessControlPolicy`. */
export function readGrants(text: string, owner: string): Grant[] {
  const root = parse(text, 'AccessControlPolicy');
  const list = childOf(root, 'AccessControlList');
  if (!list) throw malformed();
  return others(childrenOf(list, 'Grant').map(grantOf), owner);
}

function grantOf(element: Element): Grant {
  const [grantee, permission] = [childOf(element, 'Grantee'), textOf(element, 'Permission') as Permission | undefined];
  if (!grantee || permission === undefined || !permissions.includes(permission)) throw malformed();
  const [uri, id] = [textOf(grantee, 'URI'), textOf(grantee, 'ID')];
  if (uri !== undefined) return { grantee: groupNamed(uri), permission };
  if (id === undefined || !/^[\w.-]{1,64}$/.test(id)) throw refused('InvalidArgument', 'Invalid id');
  return { grantee: { project: id }, permission };
}

/** The owner's own project may all of it, whatever is granted. */
function others(grants: readonly Grant[], owner: string): Grant[] {
  return grants.filter(({ grantee }) => typeof grantee !== 'object' || grantee.project !== owner);
}

export function ownerOf(projectId: string): { ID: string; DisplayName: string } {
  return { ID: projectId, DisplayName: projectId };
}

export function aclDocument(projectId: string, grants: readonly Grant[]): string {
  const all: Grant[] = [{ grantee: { project: projectId }, permission: 'FULL_CONTROL' }, ...grants];
  return document('AccessControlPolicy', {
    Owner: ownerOf(projectId),
    AccessControlList: {
      Grant: all.map(({ grantee, permission }) => ({
        Grantee: typeof grantee === 'object' ? { '@xmlns:xsi': schemaInstance, '@xsi:type': 'CanonicalUser', ...ownerOf(grantee.project) } : { '@xmlns:xsi': schemaInstance, '@xsi:type': 'Group', URI: groups[grantee] },
        Permission: permission,
      })),
    },
  });
}
