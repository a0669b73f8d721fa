/**
 * Secrets that identity keeps for users: certificates, passcode secrets, keys for signing. A token that was handed on
 * reaches those of its project only, and what is made with it gives no more than it (ATTACKS 13, 16).
 * keystone/api/credentials.py, keystone/credential/core.py
 */
import { createHash } from 'node:crypto';
import { ConstraintViolation, sql, type Sql } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { deleteCredential as removeCredential, findCredential, insertCredential, listCredentials as selectCredentials, lockCredential, updateCredential as storeCredential, type Origin, type StoredCredential } from './credentials.store.ts';
import { demandWithin, type Rights } from './delegation.ts';
import { pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { findProject } from './projects.store.ts';
import { alreadyThere, couldNotFind, forbiddenAction, invalid, notAllowed } from './refusals.ts';
import { mostRedelegations, rightsOfToken } from './rights.ts';
import type { Claims } from './token-format.ts';
import { findUser } from './users.store.ts';
import type { Vault } from './vault.ts';

/** With its secret open. */
export type Credential = Omit<StoredCredential, 'sealed'> & { blob: string };

export type Ec2Blob = { access: string; secret: string };

export type CredentialQuery = PageQuery & { user_id?: string; type?: string };

/** keystone has no limit unless told; one user must not fill the table. */
const mostOfOneUser = 1_000;

export async function listCredentials(context: Context, vault: Vault, claims: Claims, query: CredentialQuery): Promise<Credential[]> {
  const { tx, caller, policy } = context;
  demand(context, 'identity:list_credentials', caller.system ? {} : { credential: { user_id: caller.userId } });
  const conditions: Sql[] = pageConditions(query);
  if (query.user_id !== undefined) conditions.push(sql`user_id = ${query.user_id}`);
  if (query.type !== undefined) conditions.push(sql`type = ${query.type}`);
  // In the statement, so that a page is full and counts nobody else's.
  if (!policy.allows('identity:get_credential', caller, {})) conditions.push(sql`user_id = ${caller.userId}`);
  if (isHandedOn(claims)) conditions.push(sql`project_id = ${caller.projectId}`);
  const rows = await selectCredentials(tx, conditions, rowsFor(query));
  return Promise.all(rows.filter((row) => policy.allows('identity:get_credential', caller, targetOf(row))).map((row) => open(context, vault, row)));
}

export async function getCredential(context: Context, vault: Vault, claims: Claims, id: string): Promise<Credential> {
  return open(context, vault, await reach(context, claims, 'identity:get_credential', await findCredential(context.tx, id), id));
}

export type NewCredential = Pick<Credential, 'type' | 'blob' | 'userId' | 'projectId' | 'extra'>;

export async function createCredential(context: Context, vault: Vault, claims: Claims, wish: NewCredential): Promise<Credential> {
  demand(context, 'identity:create_credential', { credential: { user_id: wish.userId, project_id: wish.projectId, type: wish.type } });
  await demandSameProject(context, claims, wish.projectId);
  const id = isEc2(wish) ? idOfAccessKey(ec2Blob(wish.blob).access) : context.random.uuid().replaceAll('-', '');
  if (isEc2(wish) && wish.projectId === null) throw invalid(`'project_id' is a required property`);
  return insert(context, vault, claims, { ...wish, id });
}

/** The way of every credential into the table. */
export async function insert(context: Context, vault: Vault, claims: Claims, wish: NewCredential & { id: string }): Promise<Credential> {
  const { tx } = context;
  if (!(await findUser(tx, wish.userId))) throw couldNotFind('user', wish.userId);
  if (wish.projectId !== null && !(await findProject(tx, wish.projectId))) throw couldNotFind('project', wish.projectId);
  if ((await selectCredentials(tx, [sql`user_id = ${wish.userId}`], mostOfOneUser)).length >= mostOfOneUser)
    throw notAllowed(`Unable to create additional credentials, maximum of ${mostOfOneUser} already exceeded for user.`);
  const origin = originOf(claims);
  if (isEc2(wish)) await demandDelegable(context, claims, wish);
  const credential: Credential = { ...wish, ...origin, blob: isEc2(wish) ? blobWithOrigin(wish.blob, origin) : wish.blob };
  await insertCredential(tx, credential, await vault.seal(tx, 'credential', wish.id, credential.blob)).catch((error: unknown) => {
    throw error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('credential', `Duplicate entry found with ID ${wish.id}`) : error;
  });
  return credential;
}

export type CredentialChange = Partial<Pick<Credential, 'type' | 'blob' | 'userId' | 'projectId'>> & { id?: string; extra: Record<string, unknown> };

export async function updateCredential(context: Context, vault: Vault, claims: Claims, id: string, { id: named, ...change }: CredentialChange): Promise<Credential> {
  const { tx } = context;
  const before = await open(context, vault, await reach(context, claims, 'identity:update_credential', await lockCredential(tx, id), id));
  if (named !== undefined && named !== id) throw invalid('Cannot change credential ID');
  const after: Credential = { ...before, ...change, extra: { ...before.extra, ...change.extra } };
  if (isEc2(before) || isEc2(after)) demandSameOrigin(before, after, change.blob !== undefined);
  // The owner and the scope must not have become another's: keystone/api/credentials.py, patch.
  demand(context, 'identity:update_credential', targetOf(after));
  await demandSameProject(context, claims, after.projectId);
  if (isEc2(after)) {
    if (after.projectId === null) throw invalid(`'project_id' is a required property`);
    await demandDelegable(context, claims, after);
  }
  if (after.userId !== before.userId && !(await findUser(tx, after.userId))) throw couldNotFind('user', after.userId);
  if (after.projectId !== null && after.projectId !== before.projectId && !(await findProject(tx, after.projectId))) throw couldNotFind('project', after.projectId);
  await storeCredential(tx, after, await vault.seal(tx, 'credential', id, after.blob));
  return after;
}

export async function deleteCredential(context: Context, claims: Claims, id: string): Promise<StoredCredential> {
  const credential = await reach(context, claims, 'identity:delete_credential', await lockCredential(context.tx, id), id);
  await removeCredential(context.tx, id);
  return credential;
}

export function isEc2({ type }: Pick<Credential, 'type'>): boolean {
  return type.toLowerCase() === 'ec2';
}

/** Who knows the access key finds the credential. keystone/common/utils.py, hash_access_key */
export function idOfAccessKey(access: string): string {
  return createHash('sha256').update(access).digest('hex');
}

/** keystone/api/credentials.py, _validate_blob_json */
export function ec2Blob(blob: string): Ec2Blob & Record<string, unknown> {
  const parsed = parse(blob);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalid('Invalid blob in credential');
  const { access, secret = null } = parsed as Record<string, unknown>;
  if (typeof access !== 'string' || (secret !== null && typeof secret !== 'string')) throw invalid('Expecting to find access in credential. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.');
  return { ...parsed, access, secret: secret ?? '' };
}

/** Tokens of trusts, of application credentials and of consumers; and such as were got by a signature. */
export function isHandedOn({ trustId, applicationCredential, accessTokenId, ec2CredentialId }: Claims): boolean {
  return (trustId ?? applicationCredential ?? accessTokenId ?? ec2CredentialId) !== undefined;
}

/** What is not there is told to who may see everything; to others it is forbidden, as what is another's. */
async function reach(context: Context, claims: Claims, rule: string, found: StoredCredential | undefined, id: string): Promise<StoredCredential> {
  demand(context, rule, found ? targetOf(found) : {});
  if (!found) throw couldNotFind('credential', id);
  await demandSameProject(context, claims, found.projectId);
  return found;
}

// keystone/api/credentials.py, _check_credential_project_scope
async function demandSameProject({ caller }: Context, claims: Claims, projectId: string | null): Promise<void> {
  if (isHandedOn(claims) && projectId !== caller.projectId) throw forbiddenAction('Credential project does not match the project scope of the delegated token');
}

/** A key for signing gives what its maker's token gives, in one project. */
async function demandDelegable({ tx, caller }: Context, claims: Claims, { userId, projectId }: Pick<Credential, 'userId' | 'projectId'>): Promise<void> {
  if (claims.applicationCredential?.restricted) throw forbiddenAction("Using method 'application_credential' is not allowed for managing additional credentials.");
  const rights = await rightsOfToken(tx, claims);
  // What an administrator makes for another user is that user's own, and nothing of the administrator's.
  if (userId !== caller.userId && !isHandedOn(claims)) return;
  const owner = userId === caller.userId ? rights.ownerId : userId;
  const wish: Rights = { ...rights, ownerId: owner, place: projectId === null ? 'nowhere' : { kind: 'project', id: projectId }, redelegations: Math.min(rights.redelegations, mostRedelegations + 1) };
  demandWithin({ ...wish, kind: 'ec2 credential' }, rights, (excess) => forbiddenAction(`EC2 credential does not match the scope of the token (${excess})`));
}

function originOf({ trustId, applicationCredential, accessTokenId }: Claims): Origin {
  return { trustId: trustId ?? null, applicationCredentialId: applicationCredential?.id ?? null, accessTokenId: accessTokenId ?? null };
}

const originKeys = { trust_id: 'trustId', app_cred_id: 'applicationCredentialId', access_token_id: 'accessTokenId' } as const;

/** keystone shows the origin in the blob, and so do we; what a client writes there counts for nothing. */
function blobWithOrigin(blob: string, origin: Origin): string {
  const parsed = ec2Blob(blob);
  const shown = Object.entries(originKeys).flatMap(([key, of]) => (origin[of] === null ? [] : [[key, origin[of]] as const]));
  const own = Object.entries(parsed).filter(([key]) => !(key in originKeys));
  return JSON.stringify(Object.fromEntries([...own, ...shown]));
}

// keystone/api/credentials.py, _validate_blob_update_keys
function demandSameOrigin(before: Credential, after: Credential, isBlobGiven: boolean): void {
  if (isEc2(before) !== isEc2(after)) throw invalid('The type of a credential cannot become ec2, nor cease to be');
  if (!isBlobGiven) return;
  const [old, changed] = [ec2Blob(before.blob), ec2Blob(after.blob)];
  for (const key of Object.keys(originKeys)) if (old[key] !== changed[key]) throw invalid(`${key} can not be updated for credential`);
}

function targetOf({ userId, projectId, type }: Pick<StoredCredential, 'userId' | 'projectId' | 'type'>) {
  return { credential: { user_id: userId, project_id: projectId, type } };
}

async function open({ tx }: Context, vault: Vault, { sealed, ...row }: StoredCredential): Promise<Credential> {
  return { ...row, blob: await vault.open(tx, 'credential', row.id, sealed) };
}

function parse(blob: string): unknown {
  try {
    return JSON.parse(blob);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid('Invalid blob in credential');
    throw error;
  }
}
