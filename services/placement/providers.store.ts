import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type ProviderInventory = { resourceClass: string; total: number; reserved: number; minUnit: number; maxUnit: number; stepSize: number; allocationRatio: number; used: number };

export type Provider = {
  id: string;
  name: string;
  generation: number;
  parentId: string | null;
  rootId: string;
  /** A host's: its number as a hypervisor. */
  hostNumber: number | null;
  inventories: ProviderInventory[];
  traits: string[];
  aggregates: string[];
};

const columns = sql`
  provider.id, provider.hostname as name, provider.generation::int as generation, provider.parent_id as "parentId", provider.root_id as "rootId",
  case when provider.report is null then null else provider.number end as "hostNumber",
  (
    select coalesce(jsonb_agg(jsonb_build_object('resourceClass', resource_class, 'total', total, 'reserved', reserved, 'minUnit', min_unit, 'maxUnit', max_unit, 'stepSize', step_size, 'allocationRatio', allocation_ratio, 'used', used) order by resource_class), '[]')
    from placement.inventory where inventory.provider_id = provider.id
  ) as inventories,
  (select coalesce(jsonb_agg(trait order by trait), '[]') from placement.provider_trait where provider_id = provider.id) as traits,
  (select coalesce(jsonb_agg(aggregate_id order by aggregate_id), '[]') from placement.provider_aggregate where provider_id = provider.id) as aggregates`;

export function selectProviders(tx: Transaction): Promise<Provider[]> {
  return tx.rows<Provider>`select ${columns} from placement.provider order by provider.number`;
}

export function selectProvider(tx: Transaction, id: string): Promise<Provider | undefined> {
  return tx.one<Provider>`select ${columns} from placement.provider where provider.id = ${id}`;
}

/** As it is once nobody else changes it. */
export async function lockedProvider(tx: Transaction, id: string): Promise<Provider | undefined> {
  await tx.one`select id from placement.provider where id = ${id} for no key update`;
  return selectProvider(tx, id);
}

export async function nameTaken(tx: Transaction, { id, name }: { id: string; name: string }): Promise<{ id: string; name: string } | undefined> {
  return tx.one`select id, hostname as name from placement.provider where id = ${id} or hostname = ${name} order by id = ${id} desc limit 1`;
}

/** Whether neither id nor name was taken. */
export async function insertProvider(tx: Transaction, { id, name, parentId, rootId }: Pick<Provider, 'id' | 'name' | 'parentId' | 'rootId'>, now: Date): Promise<boolean> {
  const made = await tx.run`insert into placement.provider (id, hostname, parent_id, root_id, created_at) values (${id}, ${name}, ${parentId}, ${rootId}, ${now}) on conflict do nothing`;
  return made === 1;
}

export async function updateName(tx: Transaction, id: string, name: string): Promise<void> {
  await tx.run`update placement.provider set hostname = ${name} where id = ${id}`;
}

/** With all that is below it. */
export async function moveBelow(tx: Transaction, id: string, parentId: string | null, rootId: string): Promise<void> {
  await tx.run`
    with recursive subtree as (select id from placement.provider where id = ${id} union all select child.id from placement.provider child join subtree on child.parent_id = subtree.id)
    update placement.provider set root_id = ${rootId}, parent_id = case when provider.id = ${id} then ${parentId} else parent_id end
    from subtree where subtree.id = provider.id`;
}

export async function isBelow(tx: Transaction, id: string, above: string): Promise<boolean> {
  const found = await tx.one`
    with recursive subtree as (select id from placement.provider where id = ${above} union all select child.id from placement.provider child join subtree on child.parent_id = subtree.id)
    select id from subtree where id = ${id}`;
  return found !== undefined;
}

export async function hasChildren(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.one`select id from placement.provider where parent_id = ${id} limit 1`) !== undefined;
}

export async function deleteProviderRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from placement.provider where id = ${id}`;
}

/** What is claimed beyond it is tolerated, and nothing can be added to it. */
export async function upsertInventory(tx: Transaction, providerId: string, { resourceClass, total, reserved, minUnit, maxUnit, stepSize, allocationRatio }: Omit<ProviderInventory, 'used'>): Promise<void> {
  const capacity = sql`floor((${total}::bigint - ${reserved}::bigint) * ${allocationRatio}::float8)::bigint`;
  await tx.run`
    insert into placement.inventory as inventory (provider_id, resource_class, total, reserved, min_unit, max_unit, step_size, allocation_ratio)
    values (${providerId}, ${resourceClass}, ${total}, ${reserved}, ${minUnit}, ${maxUnit}, ${stepSize}, ${allocationRatio})
    on conflict (provider_id, resource_class) do update
    set total = excluded.total, reserved = excluded.reserved, min_unit = excluded.min_unit, max_unit = excluded.max_unit, step_size = excluded.step_size,
      allocation_ratio = excluded.allocation_ratio, tolerated = case when inventory.used > ${capacity} then inventory.used else 0 end`;
}

export async function deleteInventory(tx: Transaction, providerId: string, resourceClass: string): Promise<void> {
  await tx.run`delete from placement.inventory where provider_id = ${providerId} and resource_class = ${resourceClass}`;
}

export async function replaceTraits(tx: Transaction, providerId: string, traits: readonly string[]): Promise<void> {
  await tx.run`delete from placement.provider_trait where provider_id = ${providerId} and trait <> all(${[...traits]}::text[])`;
  await tx.run`insert into placement.provider_trait (provider_id, trait) select ${providerId}, trait from unnest(${[...traits]}::text[]) as wanted (trait) on conflict do nothing`;
}

export async function replaceAggregates(tx: Transaction, providerId: string, ids: readonly string[]): Promise<void> {
  await tx.run`delete from placement.provider_aggregate where provider_id = ${providerId} and aggregate_id <> all(${[...ids]}::text[])`;
  await tx.run`insert into placement.provider_aggregate (provider_id, aggregate_id) select ${providerId}, id from unnest(${[...ids]}::text[]) as wanted (id) on conflict do nothing`;
}
