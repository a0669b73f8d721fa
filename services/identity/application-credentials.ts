/** Application credentials: never more than their maker could do at that moment. keystone/application_credential/core.py */
import type { Context } from '../../kit/http/implement.ts';
import { badRequest } from '../../kit/fault.ts';
import { ConstraintViolation, sql } from '../../kit/postgres/database.ts';
import { demandReading } from './access.ts';
import {
  deleteApplicationCredential as removeApplicationCredential,
  findApplicationCredential,
  insertApplicationCredential,
  listApplicationCredentials as selectApplicationCredentials,
  type ApplicationCredential,
} from './application-credentials.store.ts';
import type { Directory } from './directory.ts';
import { listEffectiveRoles } from './grants.store.ts';
import { pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { alreadyThere, couldNotFind, forbiddenAction } from './refusals.ts';
import type { Claims } from './token-format.ts';

export type { ApplicationCredential } from './application-credentials.store.ts';

export type WantedRole = { id?: string; name?: string };

const unfit = (detail: string) => badRequest(`Invalid application credential: ${detail}`, 'ApplicationCredentialValidationError');

export async function listApplicationCredentials({ tx, caller }: Context, userId: string, query: PageQuery & { name?: string }): Promise<ApplicationCredential[]> {
  demandReading(caller, 'identity:list_application_credentials', { userId });
  const conditions = pageConditions(query);
  if (query.name !== undefined) conditions.push(sql`name = ${query.name}`);
  return selectApplicationCredentials(tx, userId, conditions, rowsFor(query));
}

export async function getApplicationCredential({ tx, caller }: Context, userId: string, id: string): Promise<ApplicationCredential> {
  demandReading(caller, 'identity:get_application_credential', { userId });
  const credential = await findApplicationCredential(tx, id);
  if (!credential || credential.userId !== userId) throw couldNotFind('Application Credential', id);
  return credential;
}

/** Before anything is computed for the caller: theirs, in a project, and not made by a restricted credential. */
export function demandMayCreate(caller: Context['caller'], claims: Claims | undefined, userId: string): string {
  if (caller.userId !== userId) throw forbiddenAction('identity:create_application_credential');
  demandUnrestricted(claims);
  if (caller.projectId === null) throw unfit('it needs a token for the project that it is to be used in.');
  return caller.projectId;
}

export async function createApplicationCredential(
  { tx, caller, now }: Context,
  claims: Claims | undefined,
  wish: Omit<ApplicationCredential, 'roles'> & { wantedRoles: readonly WantedRole[] | undefined },
  secretHash: string,
): Promise<ApplicationCredential> {
  if (wish.expiresAt !== null && endOf(wish.expiresAt) <= now) throw badRequest("The 'expires_at' must not be before now. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.");
  const { wantedRoles, ...credential } = wish;
  const granted = await listEffectiveRoles(tx, credential.userId, { kind: 'project', id: credential.projectId });
  // A credential made with a credential is no wider (ATTACKS 13). Who has proved to be the user may also name roles
  // that came after the token: a new one would have them.
  const held = granted.filter(({ name }) => caller.roles.has(name));
  const effective = wantedRoles === undefined || !claims || claims.applicationCredential ? held : granted;
  const roles = (wantedRoles ?? effective).map((wanted) => {
    const role = effective.find(({ id, name }) => (wanted.id === undefined ? name === wanted.name : id === wanted.id));
    if (!role) throw unfit(`Could not find role assignment with role: ${wanted.id ?? wanted.name}, user or group: ${credential.userId}, project, domain, or system: ${credential.projectId}.`);
    return { id: role.id, name: role.name, domain_id: role.domainId };
  });
  const made = { ...credential, roles };
  await insertApplicationCredential(tx, made, secretHash).catch((error: unknown) => {
    throw error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('application_credential', `Duplicate entry found with name ${made.name}`) : error;
  });
  return made;
}

/** When the credential ends, to the millisecond. */
export function endOf(expiresAt: string): Date {
  const end = new Date(`${expiresAt}Z`);
  if (Number.isNaN(end.getTime())) throw badRequest(`Invalid input for field 'application_credential.expires_at': ${expiresAt} is no time.`, 'SchemaValidationError');
  return end;
}

export async function deleteApplicationCredential({ tx, caller, now }: Context, directory: Directory, claims: Claims | undefined, userId: string, id: string): Promise<void> {
  if (!caller.isAdmin && caller.userId !== userId) throw forbiddenAction('identity:delete_application_credential');
  demandUnrestricted(claims);
  const credential = await findApplicationCredential(tx, id);
  if (!credential || credential.userId !== userId) throw couldNotFind('Application Credential', id);
  await removeApplicationCredential(tx, id);
  await directory.revoke(tx, [`credential:${id}`], now);
}

// keystone/api/users.py, _check_unrestricted_application_credential
function demandUnrestricted(claims: Claims | undefined): void {
  if (claims?.applicationCredential?.restricted)
    throw forbiddenAction("Using method 'application_credential' is not allowed for managing additional application credentials.");
}
