/** Users, projects and domains that may be used: with one that is disabled, or whose domain is, nobody logs in. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { findDomain, findDomainByName, idOfDomain, inEnabledDomain, type Domain } from './domains.store.ts';
import { listProjects } from './projects.store.ts';
import type { TokenScope } from './token-format.ts';
import { listUsers, type User } from './users.store.ts';

export type Reference = { id?: string; name?: string };
export type InDomain = Reference & { domain?: Reference };

export async function enabledProject(tx: Transaction, wanted: InDomain): Promise<Extract<TokenScope, { kind: 'project' }> | undefined> {
  const condition = oneIn(wanted);
  const [project] = condition === undefined ? [] : await listProjects(tx, [condition, sql`enabled`, inEnabledDomain], 1);
  return project && { kind: 'project', id: project.id, name: project.name, domainId: project.domainId };
}

export async function enabledUser(tx: Transaction, wanted: InDomain): Promise<User | undefined> {
  const condition = oneIn(wanted);
  return condition === undefined ? undefined : (await listUsers(tx, [condition, sql`enabled`, inEnabledDomain], 1))[0];
}

/** By its id, or by its name in a domain. */
function oneIn({ id, name, domain }: InDomain): Sql | undefined {
  if (id !== undefined) return sql`id = ${id}`;
  if (name === undefined || domain === undefined) return undefined;
  if (domain.id !== undefined) return sql`name = ${name} and domain_id = ${domain.id}`;
  return domain.name === undefined ? undefined : sql`name = ${name} and domain_id = ${idOfDomain(domain.name)}`;
}

export async function enabledDomain(tx: Transaction, wanted: Reference): Promise<Domain | undefined> {
  const domain = wanted.id !== undefined ? await findDomain(tx, wanted.id) : wanted.name !== undefined ? await findDomainByName(tx, wanted.name) : undefined;
  return domain?.enabled ? domain : undefined;
}
