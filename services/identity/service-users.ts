/** Users that are parts of the cloud themselves: they have no password, only a credential that is made for each of them. */
import type { Random } from '../../kit/clock.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { insertApplicationCredential } from './application-credentials.store.ts';
import type { Directory } from './directory.ts';
import { defaultDomainId } from './domains.ts';
import { insertGrant } from './grants.store.ts';
import { newId } from './parts.ts';
import { hashOfGenerated } from './passwords.ts';
import { findProjectByName } from './projects.store.ts';
import { findRoleByName } from './roles.store.ts';
import { deleteUser, findUserByName, insertUser } from './users.store.ts';

export type ServiceUser = { userId: string; credential: { id: string; secret: string }; adminProjectId: string };

const secretBytes = 48;

/** A new user of this name with the role of services; one that was there is gone, with all its tokens. */
export async function replaceServiceUser({ tx, now, random }: { tx: Transaction; now: Date; random: Random }, directory: Directory, name: string): Promise<ServiceUser> {
  await removeServiceUser({ tx, now }, directory, name);
  const [project, admin, role] = [await findProjectByName(tx, defaultDomainId, 'service'), await findProjectByName(tx, defaultDomainId, 'admin'), await findRoleByName(tx, 'service')];
  if (!project || !admin || !role) throw new Error('There is no project or role for services: was home bootstrapped?');
  const userId = newId({ random });
  await insertUser(tx, { id: userId, domainId: defaultDomainId, name, defaultProjectId: project.id, description: 'A part of this cloud.', email: null, enabled: true, options: {}, extra: {} }, null);
  await insertGrant(tx, role.id, { kind: 'user', id: userId }, { kind: 'project', id: project.id });
  const credential = { id: newId({ random }), secret: random.bytes(secretBytes).toString('base64url') };
  const roles = [{ id: role.id, name: role.name, domain_id: role.domainId }];
  await insertApplicationCredential(tx, { id: credential.id, userId, projectId: project.id, name, description: null, unrestricted: false, expiresAt: null, roles }, hashOfGenerated(credential.secret));
  return { userId, credential, adminProjectId: admin.id };
}

export async function removeServiceUser({ tx, now }: { tx: Transaction; now: Date }, directory: Directory, name: string): Promise<void> {
  const user = await findUserByName(tx, defaultDomainId, name);
  if (!user) return;
  await deleteUser(tx, user.id);
  await directory.revoke(tx, [`user:${user.id}`], now);
}
