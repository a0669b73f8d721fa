/** The only file that names the table of what is configured for a domain. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Sealed } from './vault.ts';

export type DomainOption = { group: string; option: string; value: unknown };

export type StoredOption = DomainOption & { id: string; /** Instead of the value, of what is secret. */ sealed: Buffer | null };

/** Of one group, or of all. */
export function listDomainOptions(tx: Transaction, domainId: string, group?: string): Promise<StoredOption[]> {
  return tx.rows<StoredOption>`
    select id, group_name as "group", option_name as option, value, sealed from identity.domain_option
    where domain_id = ${domainId} and ${group === undefined ? sql`true` : sql`group_name = ${group}`} order by 1, 2`;
}

/** Of the first of these domains that says something, option by option. */
export async function firstOptions(tx: Transaction, domainIds: readonly string[], group: string): Promise<Record<string, unknown>> {
  const rows = await tx.rows<{ option: string; value: unknown }>`
    select distinct on (option_name) option_name as option, value from identity.domain_option
    where domain_id = any(${domainIds}::text[]) and group_name = ${group}
    order by option_name, array_position(${domainIds}::text[], domain_id)`;
  return Object.fromEntries(rows.map(({ option, value }) => [option, value]));
}

// As a float8, as it may be any whole number above 0 and an int could not hold it.
const listLimitIn = (domainId: string): Sql => sql`select (value #>> '{}')::float8 as most from identity.domain_option where domain_id = ${domainId} and group_name = 'identity' and option_name = 'list_limit'`;

/** How many of its users or groups are shown at once; undefined: nothing is said of it, or no domain is asked for. */
export async function listLimitOf(tx: Transaction, domainId: string | undefined): Promise<{ listLimit?: number }> {
  const row = domainId === undefined ? undefined : await tx.one<{ most: number | null }>(listLimitIn(domainId));
  return row?.most == null ? {} : { listLimit: row.most };
}

/** `limit` for a list of its users or groups: so many rows, or one more than the domain shows at once where that is fewer. */
export function rowsWithin(domainId: string | undefined, most: number): number | Sql {
  return domainId === undefined ? most : sql`least(${most}::float8, (${listLimitIn(domainId)}) + 1)::bigint`;
}

export async function setDomainOption(tx: Transaction, domainId: string, { group, option, value }: DomainOption): Promise<void> {
  await tx.run`
    insert into identity.domain_option (domain_id, group_name, option_name, value) values (${domainId}, ${group}, ${option}, ${sql.json(value)}::jsonb)
    on conflict (domain_id, group_name, option_name) do update set value = excluded.value, sealed = null, sealing_key_id = null`;
}

/** Where `setSealedOption` puts it, and so the place that it is sealed for. */
export function idOfOption(domainId: string, { group, option }: Pick<DomainOption, 'group' | 'option'>): string {
  return `${domainId}/${group}/${option}`;
}

export async function setSealedOption(tx: Transaction, domainId: string, { group, option }: Pick<DomainOption, 'group' | 'option'>, { sealed, sealingKeyId }: Sealed): Promise<void> {
  await tx.run`
    insert into identity.domain_option (domain_id, group_name, option_name, sealed, sealing_key_id) values (${domainId}, ${group}, ${option}, ${sealed}, ${sealingKeyId})
    on conflict (domain_id, group_name, option_name) do update set value = null, sealed = excluded.sealed, sealing_key_id = excluded.sealing_key_id`;
}

/** What is secret and lies there as it was given, in a cloud that is older than that. */
export function lockPlainOptions(tx: Transaction, { group, options }: { group: string; options: readonly string[] }): Promise<(DomainOption & { domainId: string })[]> {
  return tx.rows<DomainOption & { domainId: string }>`
    select domain_id as "domainId", group_name as "group", option_name as option, value from identity.domain_option
    where group_name = ${group} and option_name = any(${[...options]}::text[]) and sealed is null and jsonb_typeof(value) <> 'null' for update`;
}

export async function deleteDomainOptions(tx: Transaction, domainId: string, { group, option }: { group?: string; option?: string }): Promise<void> {
  await tx.run`
    delete from identity.domain_option
    where domain_id = ${domainId} and ${group === undefined ? sql`true` : sql`group_name = ${group}`} and ${option === undefined ? sql`true` : sql`option_name = ${option}`}`;
}

/** Domains whose users are kept elsewhere. */
export function listDomainsWithDriver(tx: Transaction): Promise<{ domainId: string; driver: string }[]> {
  return tx.rows<{ domainId: string; driver: string }>`
    select domain_id as "domainId", value #>> '{}' as driver from identity.domain_option where group_name = 'identity' and option_name = 'driver' order by 1`;
}
