/** Keys with which a user signs requests: credentials of the type ec2, whose secret is made here. keystone/api/users.py, UserOSEC2Credentials… */
import { sql } from '../../kit/postgres/database.ts';
import { unauthorized } from '../../kit/fault.ts';
import { demand, type Context } from './access.ts';
import { deleteCredential as removeCredential, findCredential, listCredentials, type StoredCredential } from './credentials.store.ts';
import { ec2Blob, idOfAccessKey, insert, isEc2, isHandedOn, type Credential } from './credentials.ts';
import { couldNotFind, forbiddenAction } from './refusals.ts';
import type { Claims } from './token-format.ts';
import { findUser } from './users.store.ts';
import type { Vault } from './vault.ts';

export type Ec2Credential = { id: string; userId: string; projectId: string | null; access: string; secret: string; trustId: string | null };

const most = 1_000;

export async function listEc2Credentials(context: Context, vault: Vault, claims: Claims, userId: string): Promise<Ec2Credential[]> {
  const { tx, caller } = context;
  demand(context, 'identity:ec2_list_credentials', { user_id: userId });
  if (!(await findUser(tx, userId))) throw couldNotFind('user', userId);
  const conditions = [sql`user_id = ${userId}`, sql`type = 'ec2'`, ...(isHandedOn(claims) ? [sql`project_id = ${caller.projectId}`] : [])];
  return Promise.all((await listCredentials(tx, conditions, most)).map((row) => open(context, vault, row)));
}

export async function createEc2Credential(context: Context, vault: Vault, claims: Claims, { userId, projectId }: { userId: string; projectId: string }): Promise<Ec2Credential> {
  demand(context, 'identity:ec2_create_credential', { credential: { user_id: userId } });
  const { random } = context;
  const [access, secret] = [random.uuid(), random.uuid()].map((uuid) => uuid.replaceAll('-', ''));
  demandOwnProject(context, claims, projectId);
  const made = await insert(context, vault, claims, { id: idOfAccessKey(access!), type: 'ec2', userId, projectId, blob: JSON.stringify({ access, secret }), extra: {} });
  return viewOf(made);
}

export async function getEc2Credential(context: Context, vault: Vault, claims: Claims, userId: string, access: string): Promise<Ec2Credential> {
  return open(context, vault, await reach(context, claims, 'identity:ec2_get_credential', userId, access));
}

export async function deleteEc2Credential(context: Context, claims: Claims, userId: string, access: string): Promise<StoredCredential> {
  const credential = await reach(context, claims, 'identity:ec2_delete_credential', userId, access);
  await removeCredential(context.tx, credential.id);
  return credential;
}

/** Below the name of its own user only: keystone takes anybody's there, and looks at the credential's owner for the right. */
async function reach(context: Context, claims: Claims, rule: string, userId: string, access: string): Promise<StoredCredential> {
  const found = await findCredential(context.tx, idOfAccessKey(access));
  if (!found) throw couldNotFind('credential', access);
  demand(context, rule, { credential: { user_id: found.userId } });
  if (found.userId !== userId) throw couldNotFind('credential', access);
  if (!isEc2(found)) throw unauthorized('EC2 access key not found.', 'Unauthorized');
  demandOwnProject(context, claims, found.projectId);
  return found;
}

// keystone/api/users.py, _check_delegation_for_ec2
function demandOwnProject({ caller }: Context, claims: Claims, projectId: string | null): void {
  if (isHandedOn(claims) && projectId !== caller.projectId) throw forbiddenAction('EC2 credential project does not match the project scope of the delegated token');
}

async function open({ tx }: Context, vault: Vault, { sealed, ...row }: StoredCredential): Promise<Ec2Credential> {
  return viewOf({ ...row, blob: await vault.open(tx, 'credential', row.id, sealed) });
}

function viewOf({ id, userId, projectId, trustId, blob }: Credential): Ec2Credential {
  const { access, secret } = ec2Blob(blob);
  return { id, userId, projectId, access, secret, trustId };
}
