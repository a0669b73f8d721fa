/** neutron/db/address_scope_db.py, and of subnet pools in one neutron/db/db_base_plugin_v2.py, _validate_address_scope_id. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { overlap, parseBlock } from './addresses.ts';
import { tell } from './changes.ts';
import { byBoolean, byNumber, byText, type Listing } from './listing.ts';
import { deleteRow, getRow, insertRow, lockedRow, updateRow, type Noun } from './noun.ts';
import { demandAdmin, ownerOf } from './owners.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import { shareWithAll, stopSharing } from './sharing.ts';

export type AddressScope = { id: string; project_id: string; name: string; ip_version: 4 | 6; shared: boolean };
export type AddressScopeWish = { project_id?: string; tenant_id?: string; name?: string; ip_version: number | string; shared?: boolean };

export const addressScopeNoun: Noun<AddressScope> = {
  resource: 'address_scope',
  table: sql`network.address_scope`,
  columns: sql`r.id, r.project_id, r.name, r.ip_version, ${sharedWithReader(sql`r.shared_with`)} as shared`,
  notThere: (id) => notFound(`Address scope ${id} could not be found.`, 'AddressScopeNotFound'),
};

export const addressScopeListing: Listing = {
  collection: 'address_scopes',
  table: addressScopeNoun.table,
  filters: {
    id: byText(sql`r.id`), name: byText(sql`r.name`), project_id: byText(sql`r.project_id`), tenant_id: byText(sql`r.project_id`), ip_version: byNumber(sql`r.ip_version`),
    shared: byBoolean(sharedWithReader(sql`r.shared_with`)),
  },
  sorts: { id: sql`r.id`, name: sql`r.name`, project_id: sql`r.project_id`, tenant_id: sql`r.project_id`, ip_version: sql`r.ip_version`, shared: sql`r.shared_with` },
};

export async function createAddressScope(context: Context, wish: AddressScopeWish): Promise<AddressScope> {
  const { tx, now, random } = context;
  demandAdmin(context, 'create_address_scope', wish, wish.shared === true ? ['shared'] : []);
  const project_id = ownerOf(context, wish);
  const version = Number(wish.ip_version);
  if (version !== 4 && version !== 6) throw badRequest(`Invalid input for ip_version. Reason: '${version}' is not in [4, 6].`, 'HTTPBadRequest');
  const id = random.uuid();
  await insertRow(tx, addressScopeNoun, { id, project_id, name: wish.name ?? '', ip_version: version, created_at: now });
  await shareWithAll(context, { kind: 'address_scope', id, project_id }, { access_as_shared: wish.shared });
  const scope = await getRow(context, addressScopeNoun, id);
  await tell(context, 'address_scope', 'create', scope, { name: scope.name });
  return scope;
}

export async function updateAddressScope(context: Context, id: string, wish: { name?: string; shared?: boolean }): Promise<AddressScope> {
  demandAdmin(context, 'update_address_scope', wish, ['shared']);
  const before = await lockedRow(context, addressScopeNoun, id, 'update');
  if (before.shared && wish.shared === false) throw badRequest(`Unable to update address scope ${id} : Shared address scope can't be unshared.`, 'AddressScopeUpdateError');
  await updateRow(context.tx, addressScopeNoun, id, { name: wish.name });
  await shareWithAll(context, { kind: 'address_scope', id, project_id: before.project_id }, { access_as_shared: wish.shared });
  const scope = await getRow(context, addressScopeNoun, id);
  await tell(context, 'address_scope', 'update', scope);
  return scope;
}

export async function deleteAddressScope(context: Context, id: string): Promise<void> {
  const scope = await lockedRow(context, addressScopeNoun, id, 'delete');
  if ((await poolsOfScope(context.tx, id)).length > 0)
    throw conflict(`Unable to complete operation on address scope ${id}. There are one or more subnet pools in use on the address scope.`, 'AddressScopeInUse');
  await deleteRow(context.tx, addressScopeNoun, id);
  await stopSharing(context, id);
  await tell(context, 'address_scope', 'delete', scope, { name: scope.name });
}

/** Whether a pool may be in the scope: whoever asks may use it, it is of the pool's version, and no other pool in it has any of these prefixes. */
export async function demandRoomInScope(context: Context, scopeId: string, pool: { id: string; version: 4 | 6; prefixes: string[] }): Promise<void> {
  const { tx } = context;
  // Two pools with the same prefixes must not pass one another.
  await tx.run`select pg_advisory_xact_lock(hashtext('network.address_scope'), hashtext(${scopeId}))`;
  const scope = await getRow(context, addressScopeNoun, scopeId);
  if (scope.ip_version !== pool.version)
    throw badRequest(
      `Illegal subnetpool association: subnetpool ${pool.id} cannot associate with address scope ${scopeId} because subnetpool ip_version is not ${scope.ip_version}.`,
      'IllegalSubnetPoolIpVersionAssociationToAddressScope',
    );
  const blocks = pool.prefixes.map((text) => parseBlock(text)!);
  const others = (await poolsOfScope(tx, scopeId)).filter(({ id }) => id !== pool.id);
  if (others.some(({ prefixes }) => prefixes.some((text) => blocks.some((block) => overlap(block, parseBlock(text)!)))))
    throw conflict('Failed to associate address scope: subnetpools within an address scope must have unique prefixes.', 'AddressScopePrefixConflict');
}

function poolsOfScope(tx: Transaction, id: string): Promise<{ id: string; prefixes: string[] }[]> {
  return tx.rows`select id, prefixes from network.pools_of_scope(${id})`;
}
