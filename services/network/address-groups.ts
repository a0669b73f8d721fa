/** Addresses under one name, for rules of security groups: neutron/db/address_group_db.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { bitsOf, formatBlock, parseAddress, parseBlock } from './addresses.ts';
import { mark, tell } from './changes.ts';
import { isNamedByDefaultRule } from './default-security-group-rules.store.ts';
import { byText, pythonList, standardFilters, standardSorts, type Listing } from './listing.ts';
import { deleteRow, getRow, insertRow, lockedRow, updateRow, type Noun } from './noun.ts';
import { ownerOf } from './owners.ts';
import { stopSharing } from './sharing.ts';

export type AddressGroup = { id: string; project_id: string; name: string; description: string; addresses: string[]; revision_number: number; created_at: Date; updated_at: Date };
export type AddressGroupWish = { project_id?: string; tenant_id?: string; name?: string; description?: string; addresses?: string[] | null };

export const addressGroupNoun: Noun<AddressGroup> = {
  resource: 'address_group',
  changedBySeers: false,
  table: sql`network.address_group`,
  columns: sql`r.id, r.project_id, r.name, r.description, r.addresses::text[] as addresses, r.revision_number, r.created_at, r.updated_at`,
  notThere: (id) => notFound(`Address group ${id} could not be found.`, 'AddressGroupNotFound'),
};

export const addressGroupListing: Listing = {
  collection: 'address_groups',
  table: addressGroupNoun.table,
  filters: { ...standardFilters(), name: byText(sql`r.name`) },
  sorts: { ...standardSorts, name: sql`r.name`, description: sql`r.description` },
};

export async function createAddressGroup(context: Context, wish: AddressGroupWish): Promise<AddressGroup> {
  const { tx, now, random } = context;
  const project_id = ownerOf(context, wish);
  const id = random.uuid();
  await insertRow(tx, addressGroupNoun, { id, project_id, name: wish.name ?? '', description: wish.description ?? '', addresses: blocksOf((wish.addresses ?? []).map(demandMask)), created_at: now, updated_at: now });
  const group = await getRow(context, addressGroupNoun, id);
  await tell(context, 'address_group', 'create', group, { name: group.name });
  return group;
}

export async function updateAddressGroup(context: Context, id: string, wish: { name?: string; description?: string }): Promise<AddressGroup> {
  const before = await lockedRow(context, addressGroupNoun, id, 'update');
  return change(context, before, { name: wish.name, description: wish.description });
}

export async function addAddresses(context: Context, id: string, wanted: string[]): Promise<AddressGroup> {
  const before = await lockedRow(context, addressGroupNoun, id, 'update');
  const added = blocksOf(wanted);
  const there = added.filter((each) => before.addresses.includes(each));
  if (there.length > 0) throw badRequest(`Addresses ${pythonList(there)} already exist in the address group ${id}.`, 'AddressesAlreadyExist');
  return change(context, before, { addresses: [...before.addresses, ...added] });
}

export async function removeAddresses(context: Context, id: string, wanted: string[]): Promise<AddressGroup> {
  const before = await lockedRow(context, addressGroupNoun, id, 'update');
  const removed = blocksOf(wanted);
  const missing = removed.filter((each) => !before.addresses.includes(each));
  if (missing.length > 0) throw notFound(`Addresses ${pythonList(missing)} not found in the address group ${id}.`, 'AddressesNotFound');
  return change(context, before, { addresses: before.addresses.filter((each) => !removed.includes(each)) });
}

export async function deleteAddressGroup(context: Context, id: string): Promise<void> {
  const group = await lockedRow(context, addressGroupNoun, id, 'delete');
  if ((await groupsNaming(context.tx, id)).length > 0 || (await isNamedByDefaultRule(context.tx, id))) throw conflict(`Address group ${id} is in use on one or more security group rules.`, 'AddressGroupInUse');
  await deleteRow(context.tx, addressGroupNoun, id);
  await stopSharing(context, id);
  await tell(context, 'address_group', 'delete', group, { name: group.name });
}

/** The engine is told of every security group that names it, whosever that is. */
async function change(context: Context, before: AddressGroup, values: { name?: string | undefined; description?: string | undefined; addresses?: string[] }): Promise<AddressGroup> {
  const { tx, now } = context;
  await updateRow(tx, addressGroupNoun, before.id, { ...values, revision_number: before.revision_number + 1, updated_at: now });
  if (values.addresses) await mark(tx, now, 'security-group', await groupsNaming(tx, before.id));
  const group = await getRow(context, addressGroupNoun, before.id);
  await tell(context, 'address_group', 'update', group);
  return group;
}

async function groupsNaming(tx: Transaction, id: string): Promise<string[]> {
  return (await tx.rows<{ id: string }>`select id from network.groups_naming(${id}) id`).map((row) => row.id);
}

/** Each once, and in one form: an address alone is a block of one. */
/** Of a new group each is written with its mask; later one may stand alone. neutron/db/address_group_db.py, _process_requested_addresses */
function demandMask(text: string): string {
  if (parseAddress(text)) throw badRequest(`Invalid input for addresses. Reason: '${text}' is not a valid IP subnet.`, 'HTTPBadRequest');
  return text;
}

function blocksOf(given: string[]): string[] {
  const blocks = given.map((text) => {
    const alone = parseAddress(text);
    const block = parseBlock(alone ? `${text}/${bitsOf(alone.version)}` : text);
    if (!block) throw badRequest(`Invalid input for addresses. Reason: '${text}' is not a valid IP subnet.`, 'HTTPBadRequest');
    return formatBlock(block);
  });
  return [...new Set(blocks)];
}
