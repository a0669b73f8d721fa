/** What every cloud begins with: keystone/cmd/bootstrap.py. Done at each start; it changes nothing that is there but addresses. */
import type { Service } from '../../contract/contract.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { HomeParts } from '../parts.ts';
import { ensureRegionInCatalog } from './region-catalog.ts';
import { defaultDomainId } from './domains.ts';
import { findDomain, insertDomain } from './domains.store.ts';
import { insertGrant } from './grants.store.ts';
import { wholeSystem, type Place } from './places.ts';
import { newId } from './parts.ts';
import { createPasswords } from './passwords.ts';
import { findProjectByName, insertProject } from './projects.store.ts';
import { findRoleByName, insertImpliedRole, insertRole } from './roles.store.ts';
import { findUserByName, insertUser } from './users.store.ts';

export type Bootstrap = {
  /** The first one; later ones are set by its user, and stay. */
  adminPassword: string;
  region: string;
  /** Where clients reach the cloud: `http://host:port`. It may be another at each start. */
  base: string;
  services: readonly Pick<Service, 'type' | 'name' | 'title' | 'catalogPath'>[];
};

/** Each implies the next. */
const ladder = ['admin', 'manager', 'member', 'reader'] as const;

export async function bootstrapIdentity(parts: HomeParts, { adminPassword, region, base, services }: Bootstrap): Promise<{ adminProjectId: string; adminUserId: string }> {
  const { database } = parts;
  const scope = { kind: 'system', reason: 'bootstrap' } as const;
  const known = await database.read(scope, (tx) => findUserByName(tx, defaultDomainId, 'admin'));
  const hash = known ? undefined : await createPasswords(parts).hash(adminPassword);
  return database.transaction(scope, async (tx) => {
    // Several processes may start at once.
    await tx.run`select pg_advisory_xact_lock(hashtext('identity.bootstrap'))`;
    await ensureDomain(tx);
    const roles = await ensureRoles(parts, tx);
    const adminProjectId = await ensureProject(parts, tx, 'admin', 'Bootstrap project for initializing the cloud.');
    await ensureProject(parts, tx, 'service', 'For the services themselves.');
    const adminUserId = await ensureAdmin(parts, tx, adminProjectId, hash ?? null);
    const places: Place[] = [{ kind: 'project', id: adminProjectId }, { kind: 'domain', id: defaultDomainId }, wholeSystem];
    for (const place of places) await insertGrant(tx, roles.get('admin')!, { kind: 'user', id: adminUserId }, place);
    await ensureCatalog(parts, tx, { region, base, services });
    return { adminProjectId, adminUserId };
  });
}

async function ensureDomain(tx: Transaction): Promise<void> {
  if (await findDomain(tx, defaultDomainId)) return;
  await insertDomain(tx, { id: defaultDomainId, name: 'Default', description: 'The default domain', enabled: true, options: {}, extra: {} });
}

async function ensureRoles(parts: HomeParts, tx: Transaction): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  // By the last but one swift knows who runs the accounts of others (keystoneauth.py, reseller_admin_role).
  for (const name of [...ladder, 'service', 'ResellerAdmin', 'renter']) {
    const role = (await findRoleByName(tx, name)) ?? { id: newId(parts), domainId: null, name, description: null, options: { immutable: true }, extra: {} };
    if (!('number' in role)) await insertRole(tx, role);
    ids.set(name, role.id);
  }
  for (const [index, name] of ladder.slice(0, -1).entries()) await insertImpliedRole(tx, ids.get(name)!, ids.get(ladder[index + 1]!)!);
  // In a domain he manages it, in its projects he says limits and addresses: docs/decisions/0007.
  await insertImpliedRole(tx, ids.get('renter')!, ids.get('manager')!);
  return ids;
}

async function ensureProject(parts: HomeParts, tx: Transaction, name: string, description: string): Promise<string> {
  const known = await findProjectByName(tx, defaultDomainId, name);
  if (known) return known.id;
  const id = newId(parts);
  await insertProject(tx, { id, domainId: defaultDomainId, parentId: null, name, description, enabled: true, tags: [], options: {}, extra: {} });
  return id;
}

async function ensureAdmin(parts: HomeParts, tx: Transaction, projectId: string, hash: string | null): Promise<string> {
  const known = await findUserByName(tx, defaultDomainId, 'admin');
  if (known) return known.id;
  const id = newId(parts);
  await insertUser(tx, { id, domainId: defaultDomainId, name: 'admin', defaultProjectId: projectId, description: null, email: null, enabled: true, options: {}, extra: {} }, hash);
  return id;
}

async function ensureCatalog(parts: HomeParts, tx: Transaction, { region, base, services }: Omit<Bootstrap, 'adminPassword'>): Promise<void> {
  await ensureRegionInCatalog(parts, tx, { region, services: services.map((service) => ({ ...service, base })) });
}
