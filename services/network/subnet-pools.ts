/** Pools from which subnets take their addresses: neutron/ipam/subnet_alloc.py, neutron/db/db_base_plugin_v2.py. */
import { badRequest, conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { bitsOf, compacted, firstFree, formatBlock, overlap, parseBlock, within, without, type Block } from './addresses.ts';
import { addressScopeNoun, demandRoomInScope } from './address-scopes.ts';
import { tell } from './changes.ts';
import { byBoolean, byNumber, byText, byTextOrNothing, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { lockedNetwork } from './networks.ts';
import { getRow } from './noun.ts';
import { demandAdmin, ownerOf } from './owners.ts';
import { claim, release } from './quotas.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import { shareWithAll, stopSharing } from './sharing.ts';
import {
  deleteSubnetPoolRow, findSubnetPool, holdSubnetPool, insertPoolAllocation, insertSubnetPool, isDefaultPoolThere, lockSubnetPool, selectSubnetPools, takenOfPool, updateSubnetPoolRow, type SubnetPool,
} from './subnet-pools.store.ts';
import { subnetsOfNetwork } from './subnets.store.ts';

export type { SubnetPool } from './subnet-pools.store.ts';

type PoolWish = {
  name?: string;
  description?: string;
  prefixes?: string[];
  default_prefixlen?: number | string;
  min_prefixlen?: number | string;
  max_prefixlen?: number | string;
  default_quota?: number | string | null;
  is_default?: boolean;
  address_scope_id?: string | null;
};
export type NewPoolWish = PoolWish & { name: string; prefixes: string[]; project_id?: string; tenant_id?: string; shared?: boolean };

const adminOnly = ['shared', 'is_default'];

export const subnetPoolListing: Listing = {
  collection: 'subnetpools',
  table: sql`network.subnet_pool`,
  filters: {
    ...standardFilters(),
    ...tagFilters,
    name: byText(sql`r.name`),
    ip_version: byNumber(sql`r.ip_version`),
    default_prefixlen: byNumber(sql`r.default_prefixlen`),
    min_prefixlen: byNumber(sql`r.min_prefixlen`),
    max_prefixlen: byNumber(sql`r.max_prefixlen`),
    default_quota: byNumber(sql`r.default_quota`),
    is_default: byBoolean(sql`r.is_default`),
    address_scope_id: byTextOrNothing(sql`r.address_scope_id`),
    shared: byBoolean(sharedWithReader(sql`r.shared_with`)),
  },
  sorts: { ...standardSorts, name: sql`r.name`, ip_version: sql`r.ip_version`, is_default: sql`r.is_default`, shared: sql`r.shared_with` },
};

export async function getSubnetPool({ tx }: Pick<Context, 'tx'>, id: string): Promise<SubnetPool> {
  const pool = await findSubnetPool(tx, id);
  if (!pool) throw notFound(`Subnet pool ${id} could not be found.`, 'SubnetPoolNotFound');
  return pool;
}

export async function createSubnetPool(context: Context, wish: NewPoolWish): Promise<SubnetPool> {
  const { tx, now, random } = context;
  demandAdmin(context, 'create_subnetpool', wish, adminOnly);
  const projectId = ownerOf(context, wish);
  const { version, prefixes } = prefixesOf(wish.prefixes);
  const bits = bitsOf(version);
  const min = numberOf(wish.min_prefixlen, version === 4 ? 8 : 64);
  const max = numberOf(wish.max_prefixlen, bits);
  const lengths = { min_prefixlen: min, max_prefixlen: max, default_prefixlen: numberOf(wish.default_prefixlen, min) };
  checkLengths(lengths, bits);
  const isDefault = wish.is_default ?? false;
  if (isDefault) await demandNoOtherDefault(context, version);
  await claim(tx, projectId, { subnetpool: 1 });
  const id = random.uuid();
  const scopeId = wish.address_scope_id ?? null;
  if (scopeId !== null) await demandRoomInScope(context, scopeId, { id, version, prefixes });
  await insertSubnetPool(
    tx,
    { id, project_id: projectId, name: wish.name, description: wish.description ?? '', ip_version: version, prefixes, ...lengths, default_quota: quotaOf(wish.default_quota ?? null), is_default: isDefault, address_scope_id: scopeId },
    now,
  );
  await shareWithAll(context, { kind: 'subnetpool', id, project_id: projectId }, { access_as_shared: wish.shared });
  const pool = await getSubnetPool(context, id);
  await tell(context, 'subnetpool', 'create', pool, { name: pool.name });
  return pool;
}

export async function updateSubnetPool(context: Context, id: string, wish: PoolWish): Promise<SubnetPool> {
  const { tx, now, caller } = context;
  const before = await lockedPool(context, id, 'update_subnetpool');
  demandAdmin(context, 'update_subnetpool', wish, adminOnly);
  const prefixes = wish.prefixes === undefined ? before.prefixes : prefixesOf(wish.prefixes).prefixes;
  const blocks = prefixes.map((text) => parseBlock(text)!);
  if (blocks.some(({ version }) => version !== before.ip_version)) throw prefixVersionMismatch();
  if (!before.prefixes.every((text) => blocks.some((block) => within(parseBlock(text)!, block))))
    throw badRequest('Illegal subnetpool update : Existing prefixes must be a subset of the new prefixes.', 'IllegalSubnetPoolUpdate');
  const lengths = {
    min_prefixlen: numberOf(wish.min_prefixlen, before.min_prefixlen),
    max_prefixlen: numberOf(wish.max_prefixlen, before.max_prefixlen),
    default_prefixlen: numberOf(wish.default_prefixlen, before.default_prefixlen),
  };
  checkLengths(lengths, bitsOf(before.ip_version));
  const isDefault = wish.is_default ?? before.is_default;
  if (isDefault && !before.is_default) await demandNoOtherDefault(context, before.ip_version);
  if (before.address_scope_id !== null && !caller.isAdmin && (await getRow(context, addressScopeNoun, before.address_scope_id)).project_id !== caller.projectId)
    throw badRequest(`Illegal subnetpool update : subnetpool ${id} cannot be updated when associated with shared address scope ${before.address_scope_id}.`, 'IllegalSubnetPoolUpdate');
  const quota = wish.default_quota === undefined ? before.default_quota : quotaOf(wish.default_quota);
  const scopeId = wish.address_scope_id === undefined ? before.address_scope_id : wish.address_scope_id;
  if (scopeId !== null && (scopeId !== before.address_scope_id || wish.prefixes !== undefined)) await demandRoomInScope(context, scopeId, { id, version: before.ip_version, prefixes });
  const after = { ...before, address_scope_id: scopeId, name: wish.name ?? before.name, description: wish.description ?? before.description, prefixes, ...lengths, default_quota: quota, is_default: isDefault };
  await updateSubnetPoolRow(tx, after, now);
  const pool = await getSubnetPool(context, id);
  await tell(context, 'subnetpool', 'update', pool);
  return pool;
}

export async function deleteSubnetPool(context: Context, id: string): Promise<void> {
  const { tx } = context;
  const pool = await lockedPool(context, id, 'delete_subnetpool');
  if ((await takenOfPool(tx, id)).length > 0) throw badRequest('Unable to delete subnet pool: Subnet pool has existing allocations.', 'SubnetPoolDeleteError');
  await deleteSubnetPoolRow(tx, id);
  await stopSharing(context, id);
  await release(tx, pool.project_id, { subnetpool: 1 });
  await tell(context, 'subnetpool', 'delete', pool, { name: pool.name });
}

/** neutron/db/db_base_plugin_v2.py, add_prefixes. */
export async function addPrefixes(context: Context, id: string, added: string[]): Promise<string[]> {
  const { prefixes } = await getSubnetPool(context, id);
  if (added.length === 0) return prefixes;
  return (await updateSubnetPool(context, id, { prefixes: [...prefixes, ...added] })).prefixes;
}

/** Those that the pool does not have count for nothing. */
export async function removePrefixes(context: Context, id: string, removed: string[]): Promise<string[]> {
  const { tx, now } = context;
  const before = await lockedPool(context, id, 'remove_prefixes');
  if (removed.length === 0) return before.prefixes;
  const gone = prefixesOf(removed).prefixes.map((text) => parseBlock(text)!);
  if ((await takenOfPool(tx, id)).some(({ cidr }) => gone.some((block) => overlap(block, parseBlock(cidr)!))))
    throw badRequest('Illegal update to prefixes: One or more the prefixes to be removed is in use by a subnet.', 'IllegalSubnetPoolPrefixUpdate');
  const prefixes = without(before.prefixes.map((text) => parseBlock(text)!), gone).map(formatBlock);
  if (prefixes.length === 0) throw badRequest('Empty subnet pool prefix list.', 'EmptySubnetPoolPrefixList');
  await updateSubnetPoolRow(tx, { ...before, prefixes }, now);
  await tell(context, 'subnetpool', 'update', before);
  return prefixes;
}

/** Subnets that were made without the pool become as if they had been taken of it. */
export async function onboardSubnets(context: Context, id: string, networkId: string): Promise<{ id: string; cidr: string }[]> {
  const { tx } = context;
  const network = await lockedNetwork(context, networkId, 'onboard_network_subnets');
  const pool = await lockedPool(context, id, 'onboard_network_subnets');
  const subnets = (await subnetsOfNetwork(tx, network.id)).filter(({ ip_version }) => ip_version === pool.ip_version);
  const taken = (await takenOfPool(tx, id)).map(({ cidr }) => parseBlock(cidr)!);
  for (const subnet of subnets)
    if (subnet.subnetpool_id !== null || taken.some((block) => overlap(block, parseBlock(subnet.cidr)!)))
      throw badRequest(`Illegal subnetpool update : Onboarding subnet ${subnet.id}: ${subnet.cidr} conflicts with allocated prefixes in subnet pool ${id}.`, 'IllegalSubnetPoolUpdate');
  await addPrefixes(context, id, subnets.map(({ cidr }) => cidr));
  for (const subnet of subnets) {
    await insertPoolAllocation(tx, { poolId: id, cidr: subnet.cidr, subnetId: subnet.id, projectId: subnet.project_id });
    await tell(context, 'subnet', 'update', subnet);
  }
  return subnets.map((subnet) => ({ id: subnet.id, cidr: subnet.cidr }));
}

/** A block of the pool that nobody has: the one that is wished for, or the first one of that length. Held until it is taken. */
export async function blockOfPool(context: Context, poolId: string, wish: { version: 4 | 6; cidr: Block | undefined; prefixlen: number | undefined; projectId: string }): Promise<Block> {
  const { tx } = context;
  await holdSubnetPool(tx, poolId);
  const pool = await getSubnetPool(context, poolId);
  if (pool.ip_version !== wish.version || (wish.cidr && wish.cidr.version !== pool.ip_version)) throw prefixVersionMismatch();
  const length = wish.cidr?.prefix ?? wish.prefixlen ?? pool.default_prefixlen;
  if (length < pool.min_prefixlen) throw badRequest(`Unable to allocate subnet with prefix length ${length}, minimum allowed prefix is ${pool.min_prefixlen}.`, 'MinPrefixSubnetAllocationError');
  if (length > pool.max_prefixlen) throw badRequest(`Unable to allocate subnet with prefix length ${length}, maximum allowed prefix is ${pool.max_prefixlen}.`, 'MaxPrefixSubnetAllocationError');
  const taken = await takenOfPool(tx, poolId);
  const blocks = taken.map(({ cidr }) => parseBlock(cidr)!);
  const prefixes = pool.prefixes.map((text) => parseBlock(text)!);
  if (pool.default_quota !== null) {
    const used = taken.filter(({ projectId }) => projectId === wish.projectId).reduce((sum, { cidr }) => sum + sizeOf(parseBlock(cidr)!.prefix, pool.ip_version), 0n);
    if (used + sizeOf(length, pool.ip_version) > BigInt(pool.default_quota)) throw conflict('Per-tenant subnet pool prefix quota exceeded.', 'SubnetPoolQuotaExceeded');
  }
  if (wish.cidr) {
    const { cidr } = wish;
    if (prefixes.some((prefix) => within(cidr, prefix)) && !blocks.some((block) => overlap(block, cidr))) return cidr;
    throw conflict('Failed to allocate subnet: Cannot allocate requested subnet from the available set of prefixes.', 'SubnetAllocationError');
  }
  const free = firstFree(prefixes, blocks, length);
  if (!free) throw conflict(`Failed to allocate subnet: Insufficient prefix space to allocate subnet size /${length}.`, 'SubnetAllocationError');
  return free;
}

/** For subnets that ask for it: neutron/extensions/default_subnetpools.py. */
export async function defaultPoolFor({ tx }: Context, version: 4 | 6, alsoNamed: string | null): Promise<string> {
  if (alsoNamed !== null) throw badRequest('Bad subnets request: subnetpool_id and use_default_subnetpool cannot both be specified.', 'BadRequest');
  const [pool] = await selectSubnetPools(tx, sql`r.is_default and r.ip_version = ${version}`);
  if (!pool) throw badRequest(`Bad subnets request: No default subnetpool found for IPv${version}.`, 'BadRequest');
  return pool.id;
}

export function takeOfPool(context: Context, taken: { poolId: string; subnetId: string; projectId: string; block: Block }): Promise<void> {
  return insertPoolAllocation(context.tx, { ...taken, cidr: formatBlock(taken.block) });
}

/** Addresses of a block; of IPv6 networks of 64 bits. */
function sizeOf(prefix: number, version: 4 | 6): bigint {
  const exponent = (version === 4 ? 32 : 64) - prefix;
  return exponent < 0 ? 0n : 1n << BigInt(exponent);
}

async function lockedPool(context: Context, id: string, rule: string): Promise<SubnetPool> {
  await holdSubnetPool(context.tx, id);
  const locked = await lockSubnetPool(context.tx, id);
  if (locked) return locked;
  await getSubnetPool(context, id);
  throw forbidden(`rule:${rule} is disallowed by policy`, 'PolicyNotAuthorized');
}

async function demandNoOtherDefault({ tx }: Context, version: 4 | 6): Promise<void> {
  if (await isDefaultPoolThere(tx, version)) throw badRequest(`Invalid input for operation: A default subnetpool for this IP family has already been set. Only one default may exist per IP family.`, 'InvalidInput');
}

const prefixVersionMismatch = () => badRequest('Cannot mix IPv4 and IPv6 prefixes in a subnet pool.', 'PrefixVersionMismatch');

function prefixesOf(given: string[]): { version: 4 | 6; prefixes: string[] } {
  const blocks = given.map((text) => {
    const block = parseBlock(text);
    if (!block) throw badRequest(`Invalid input for prefixes. Reason: '${text}' is not a valid IP subnet.`, 'HTTPBadRequest');
    return block;
  });
  const [first] = blocks;
  if (!first) throw badRequest('Empty subnet pool prefix list.', 'EmptySubnetPoolPrefixList');
  if (blocks.some(({ version }) => version !== first.version)) throw prefixVersionMismatch();
  return { version: first.version, prefixes: compacted(blocks).map(formatBlock) };
}

function checkLengths({ min_prefixlen: min, max_prefixlen: max, default_prefixlen: wanted }: { min_prefixlen: number; max_prefixlen: number; default_prefixlen: number }, bits: number): void {
  const illegal = (one: string, value: number, relation: string, other: string, bound: number) =>
    badRequest(`Illegal prefix bounds: ${one}=${value}, ${other}=${bound}. ${one} must be ${relation} ${other}.`, 'IllegalSubnetPoolPrefixBounds');
  if (min < 0) throw badRequest(`Unspecified minimum subnet pool prefix: ${min}.`, 'InvalidInput');
  if (max > bits) throw illegal('max_prefixlen', max, 'at most', 'version_max_prefixlen', bits);
  if (min > max) throw illegal('min_prefixlen', min, 'at most', 'max_prefixlen', max);
  if (wanted < min) throw illegal('default_prefixlen', wanted, 'at least', 'min_prefixlen', min);
  if (wanted > max) throw illegal('default_prefixlen', wanted, 'at most', 'max_prefixlen', max);
}

function quotaOf(given: number | string | null): number | null {
  if (given === null) return null;
  const quota = Number(given);
  if (quota < 0) throw badRequest(`Invalid input for default_quota. Reason: '${quota}' should be non-negative.`, 'HTTPBadRequest');
  return quota;
}

function numberOf(given: number | string | undefined, otherwise: number): number {
  return given === undefined ? otherwise : Number(given);
}
