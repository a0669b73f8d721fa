/** The only file that names the table of domains. */
import { sql, type Explain, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Options = { immutable?: boolean | null };

export type Domain = {
  id: string;
  name: string;
  description: string | null;
  enabled: boolean;
  options: Options;
  extra: Record<string, unknown>;
};

const columns = sql`id, name, description, enabled, options, extra`;

export function findDomain(tx: Transaction, id: string): Promise<Domain | undefined> {
  return tx.one<Domain>`select ${columns} from identity.domain where id = ${id}`;
}

export function lockDomain(tx: Transaction, id: string): Promise<Domain | undefined> {
  return tx.one<Domain>`select ${columns} from identity.domain where id = ${id} for update`;
}

export function findDomainByName(tx: Transaction, name: string): Promise<Domain | undefined> {
  return tx.one<Domain>`select ${columns} from identity.domain where name = ${name}`;
}

export function listDomains(tx: Transaction, conditions: readonly Sql[], most: number): Promise<Domain[]> {
  return tx.rows<Domain>`select ${columns} from identity.domain where ${sql.and(conditions)} order by id limit ${most}`;
}

export async function insertDomain(tx: Transaction, domain: Domain, explain?: Explain): Promise<void> {
  tx.queue(sql`
    insert into identity.domain (id, name, description, enabled, options, extra)
    values (${domain.id}, ${domain.name}, ${domain.description}, ${domain.enabled}, ${sql.json(domain.options)}, ${sql.json(domain.extra)})`, explain);
}

export async function updateDomain(tx: Transaction, domain: Domain, explain?: Explain): Promise<void> {
  tx.queue(sql`
    update identity.domain
    set name = ${domain.name}, description = ${domain.description}, enabled = ${domain.enabled}, options = ${sql.json(domain.options)}, extra = ${sql.json(domain.extra)}
    where id = ${domain.id}`, explain);
}

export async function deleteDomain(tx: Transaction, id: string): Promise<void> {
  tx.queue(sql`delete from identity.domain where id = ${id}`);
}

export const idOfDomain = (name: string): Sql => sql`(select id from identity.domain where name = ${name})`;

/** For rows that lie in a domain. */
export const inEnabledDomain: Sql = sql`domain_id in (select id from identity.domain where enabled)`;

/** What goes with the domain. */
export function listInDomain(tx: Transaction, id: string): Promise<{ resource: string; id: string }[]> {
  return tx.rows<{ resource: string; id: string }>`
    select 'user' as resource, id from identity."user" where domain_id = ${id}
    union all select 'group', id from identity."group" where domain_id = ${id}
    union all select 'project', id from identity.project where domain_id = ${id}
    union all select 'role', id from identity.role where domain_id = ${id}`;
}
