/** Brings what is known here of a domain's users and groups in line with the directory server that it is kept in. */
import { createHash } from 'node:crypto';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { HomeParts } from '../parts.ts';
import { announce } from './announcements.ts';
import { createDirectoryServer, type DirectoryServer, type ServerGroup, type ServerUser } from './directory-server.ts';
import { listKnownGroups, listKnownUsers, putKnownGroup, putKnownUser, type KnownUser } from './directory-server.store.ts';
import type { Directory } from './directory.ts';
import { listDomainOptions, listDomainsWithDriver } from './domain-options.store.ts';
import { openOptions } from './domain-secrets.ts';
import { endGroupGrants } from './grants.ts';
import { listPlacesOfGroup } from './grants.store.ts';
import { deleteGroup, deleteMember, insertMember, listMemberIds } from './groups.store.ts';
import { notAllowed } from './refusals.ts';
import { deleteUser } from './users.store.ts';
import type { Vault } from './vault.ts';

export type SyncParts = Pick<HomeParts, 'database' | 'clock' | 'random' | 'log'> & { directory: Directory; vault: Vault };

const scope = { kind: 'system', reason: 'what directory servers say' } as const;

/** Every domain that is kept elsewhere; one whose server does not answer stays as it was known. */
export async function syncDomains({ database, clock, random, log, directory, vault }: SyncParts): Promise<void> {
  const domains = (await database.read(scope, listDomainsWithDriver)).filter(({ driver }) => driver === 'ldap');
  for (const { domainId } of domains) {
    try {
      const server = await database.read(scope, (tx) => directoryServerOf(tx, vault, domainId));
      if (!server) continue;
      const [users, groups] = [await server.listUsers(), await server.listGroups()];
      const now = clock.now();
      await database.transaction(scope, (tx) => apply({ tx, now, requestId: `req-${random.uuid()}` }, directory, domainId, { users, groups, membersAreIds: server.membersAreIds }));
    } catch (error) {
      log.warn({ err: error, domainId }, 'a directory server does not answer: its users are as they were known');
    }
  }
}

/** Undefined: the domain's users are kept here. */
export async function directoryServerOf(tx: Transaction, vault: Vault, domainId: string): Promise<DirectoryServer | undefined> {
  if (!(await isKeptElsewhere(tx, domainId))) return undefined;
  return createDirectoryServer(await openOptions(tx, vault, domainId, 'ldap'));
}

async function isKeptElsewhere(tx: Transaction, domainId: string): Promise<boolean> {
  return (await listDomainOptions(tx, domainId, 'identity')).some(({ option, value }) => option === 'driver' && value === 'ldap');
}

/** keystone/identity/backends/ldap/core.py: nothing is ever written there. */
export async function demandWritable(tx: Transaction, domainId: string): Promise<void> {
  if (await isKeptElsewhere(tx, domainId)) throw notAllowed('LDAP does not support write operations: the users and groups of this domain are kept in a directory server.');
}

type Found = { users: readonly ServerUser[]; groups: readonly ServerGroup[]; membersAreIds: boolean };
type Syncing = Pick<Context, 'tx' | 'now' | 'requestId'>;

async function apply(context: Syncing, directory: Directory, domainId: string, { users, groups, membersAreIds }: Found): Promise<void> {
  await applyUsers(context, directory, domainId, users);
  const idOf = new Map(users.map((user) => [membersAreIds ? user.localId : canonical(user.dn), publicId(domainId, 'user', user.localId)]));
  await applyGroups(context, directory, domainId, groups, (member) => idOf.get(membersAreIds ? member : canonical(member)));
}

async function applyUsers(context: Syncing, directory: Directory, domainId: string, users: readonly ServerUser[]): Promise<void> {
  const { tx, now } = context;
  const known = new Map((await listKnownUsers(tx, domainId)).map((user) => [user.id, user]));
  for (const { localId, name, email, description, enabled } of users) {
    const user: KnownUser = { id: publicId(domainId, 'user', localId), localId, name, email, description, enabled };
    const before = known.get(user.id);
    known.delete(user.id);
    if (before && sameUser(before, user)) continue;
    if (!(await putKnownUser(tx, domainId, user))) continue;
    if (before?.enabled === true && !enabled) await directory.revoke(tx, [`user:${user.id}`], now);
    await announce(context, 'user', before ? 'updated' : 'created', user.id);
  }
  for (const { id } of known.values()) {
    await deleteUser(tx, id);
    await directory.revoke(tx, [`user:${id}`], now);
    await announce(context, 'user', 'deleted', id);
  }
}

async function applyGroups(context: Syncing, directory: Directory, domainId: string, groups: readonly ServerGroup[], memberOf: (member: string) => string | undefined): Promise<void> {
  const { tx } = context;
  const known = new Map((await listKnownGroups(tx, domainId)).map((group) => [group.id, group]));
  for (const { localId, name, description, members } of groups) {
    const id = publicId(domainId, 'group', localId);
    const before = known.get(id);
    known.delete(id);
    if (!before || before.name !== name || before.description !== description) {
      if (!(await putKnownGroup(tx, domainId, { id, localId, name, description }))) continue;
      await announce(context, 'group', before ? 'updated' : 'created', id);
    }
    await applyMembers(context, directory, id, new Set(members.flatMap((member) => memberOf(member) ?? [])));
  }
  for (const { id } of known.values()) {
    for (const where of await listPlacesOfGroup(tx, id)) await endGroupGrants(context, directory, id, where);
    await deleteGroup(tx, id);
    await announce(context, 'group', 'deleted', id);
  }
}

async function applyMembers(context: Syncing, directory: Directory, groupId: string, wanted: ReadonlySet<string>): Promise<void> {
  const { tx } = context;
  const is = new Set(await listMemberIds(tx, groupId));
  const [joined, left] = [[...wanted].filter((id) => !is.has(id)), [...is].filter((id) => !wanted.has(id))];
  for (const id of joined) await insertMember(tx, groupId, id);
  if (left.length > 0) for (const where of await listPlacesOfGroup(tx, groupId)) await endGroupGrants(context, directory, groupId, where, left);
  for (const id of left) await deleteMember(tx, groupId, id);
  if (joined.length + left.length > 0) await announce(context, 'group', 'updated', groupId);
}

/** keystone/identity/id_generators/sha256.py: the same in every cloud that asks the same server. */
export function publicId(domainId: string, kind: 'user' | 'group', localId: string): string {
  return createHash('sha256').update(domainId).update(kind).update(localId).digest('hex');
}

/** Names that differ only in case and in spaces around their parts are one (RFC 4514). */
function canonical(dn: string): string {
  return dn.toLowerCase().replaceAll(/\s*([,=+])\s*/g, '$1');
}

function sameUser(one: KnownUser, other: KnownUser): boolean {
  return one.name === other.name && one.email === other.email && one.description === other.description && one.enabled === other.enabled;
}
