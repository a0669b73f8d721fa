import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Brand = { accountId: string; name: string; support: string; termsUrl: string | null; hosts: string[]; regions: string[] | null; updatedAt: Date };

const selected = sql`
  select b.account_id as "accountId", b.name, b.support, b.terms_url as "termsUrl", b.regions, b.updated_at as "updatedAt",
    coalesce((select array_agg(h.host order by h.host) from brand.host h where h.account_id = b.account_id), '{}') as hosts
  from brand.brand b`;

export function listBrands(tx: Transaction): Promise<Brand[]> {
  return tx.rows<Brand>(sql`${selected} order by b.account_id`);
}

export function findBrand(tx: Transaction, accountId: string): Promise<Brand | undefined> {
  return one(tx, sql`b.account_id = ${accountId}`);
}

export async function putBrand(tx: Transaction, { accountId, name, support, termsUrl, hosts, regions, updatedAt }: Brand): Promise<void> {
  await tx.run`
    insert into brand.brand (account_id, name, support, terms_url, regions, updated_at) values (${accountId}, ${name}, ${support}, ${termsUrl}, ${regions}::text[], ${updatedAt})
    on conflict (account_id) do update set name = excluded.name, support = excluded.support, terms_url = excluded.terms_url, regions = excluded.regions, updated_at = excluded.updated_at`;
  await tx.run`delete from brand.host where account_id = ${accountId} and host <> all(${hosts}::text[])`;
  await tx.run`insert into brand.host (host, account_id) select host, ${accountId} from unnest(${hosts}::text[]) host on conflict (host) do nothing`;
}

export async function deleteBrand(tx: Transaction, accountId: string): Promise<boolean> {
  return (await tx.run`delete from brand.brand where account_id = ${accountId}`) === 1;
}

/** What each of these accounts is offered; those without a limit of their own are left out. */
export async function limitsOf(tx: Transaction, accountIds: readonly string[]): Promise<string[][]> {
  const rows = await tx.rows<{ regions: string[] }>`select regions from brand.brand where account_id = any(${[...accountIds]}::text[]) and regions is not null`;
  return rows.map(({ regions }) => regions);
}

export async function isAnybodyLimited(tx: Transaction): Promise<boolean> {
  return (await tx.one`select from brand.brand where regions is not null limit 1`) !== undefined;
}

function one(tx: Transaction, where: Sql): Promise<Brand | undefined> {
  return tx.one<Brand>(sql`${selected} where ${where}`);
}
