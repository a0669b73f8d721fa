/** Users, projects and domains that may be used: with one that is disabled, or whose domain is, nobody logs in. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { findDomain, findDomainByName, type Domain } from './domains.store.ts';
import { findProject, findProjectByName } from './projects.store.ts';
import type { TokenScope } from './token-format.ts';
import { findUser, findUserByName, type User } from './users.store.ts';

export type Reference = { id?: string; name?: string };
export type InDomain = Reference & { domain?: Reference };

export async function enabledProject(tx: Transaction, wanted: InDomain): Promise<Extract<TokenScope, { kind: 'project' }> | undefined> {
  const domain = wanted.id === undefined && wanted.domain ? await enabledDomain(tx, wanted.domain) : undefined;
  const project = wanted.id !== undefined ? await findProject(tx, wanted.id) : domain && wanted.name !== undefined ? await findProjectByName(tx, domain.id, wanted.name) : undefined;
  if (!project?.enabled || !(await enabledDomain(tx, { id: project.domainId }))) return undefined;
  return { kind: 'project', id: project.id, name: project.name, domainId: project.domainId };
}

export async function enabledUser(tx: Transaction, wanted: InDomain): Promise<User | undefined> {
  const domain = wanted.id === undefined && wanted.domain ? await enabledDomain(tx, wanted.domain) : undefined;
  const user = wanted.id !== undefined ? await findUser(tx, wanted.id) : domain && wanted.name !== undefined ? await findUserByName(tx, domain.id, wanted.name) : undefined;
  if (!user?.enabled || !(await enabledDomain(tx, { id: user.domainId }))) return undefined;
  return user;
}

export async function enabledDomain(tx: Transaction, wanted: Reference): Promise<Domain | undefined> {
  const domain = wanted.id !== undefined ? await findDomain(tx, wanted.id) : wanted.name !== undefined ? await findDomainByName(tx, wanted.name) : undefined;
  return domain?.enabled ? domain : undefined;
}
