/** Application credentials: never more than their maker could do at that moment. keystone/application_credential/core.py */
import { badRequest, forbidden, type Fault } from '../../kit/fault.ts';
import { ConstraintViolation, sql } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { ensureAccessRule, findAccessRule, insertRulesOfCredential, listAccessRulesOf, listAccessRulesOfAll, type StoredRule } from './access-rules.store.ts';
import {
  deleteApplicationCredential as removeApplicationCredential,
  findApplicationCredential,
  insertApplicationCredential,
  listApplicationCredentials as selectApplicationCredentials,
  type ApplicationCredential,
} from './application-credentials.store.ts';
import { demandWithin, type AccessRule, type Excess, type Wish } from './delegation.ts';
import { directoryChannel, type Directory } from './directory.ts';
import { listEffectiveRoles } from './grants.store.ts';
import { naive } from './moments.ts';
import { pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { alreadyThere, couldNotFind, expiresInThePast, forbiddenAction } from './refusals.ts';
import { momentOf, rightsOfToken, rightsOfUser } from './rights.ts';
import { listRolesWithImplied } from './roles.store.ts';
import type { Claims } from './token-format.ts';

export type { ApplicationCredential } from './application-credentials.store.ts';

export type WantedRole = { id?: string; name?: string };

const unfit = (detail: string) => badRequest(`Invalid application credential: ${detail}`, 'ApplicationCredentialValidationError');

/** What is asked for: roles by name or id, and rules by their parts or the id of one that is there. */
export type CredentialWish = Omit<ApplicationCredential, 'roles'> & { wantedRoles: readonly WantedRole[] | undefined; wantedRules: readonly WantedRule[] };
export type WantedRule = Partial<AccessRule> & { id?: string };

/** With its rules. */
export type RuledCredential = ApplicationCredential & { rules: readonly StoredRule[] };

export async function listApplicationCredentials(context: Context, claims: Claims, userId: string, query: PageQuery & { name?: string }): Promise<RuledCredential[]> {
  const { tx } = context;
  demand(context, 'identity:list_application_credentials', { user_id: userId });
  demandNotHandedOn(claims);
  const conditions = pageConditions(query);
  if (query.name !== undefined) conditions.push(sql`name = ${query.name}`);
  const found = await selectApplicationCredentials(tx, userId, conditions, rowsFor(query));
  const rules = await listAccessRulesOfAll(tx, found.map(({ id }) => id));
  return found.map((credential) => ({ ...credential, rules: rules.get(credential.id) ?? [] }));
}

export async function getApplicationCredential(context: Context, claims: Claims, userId: string, id: string): Promise<RuledCredential> {
  const { tx } = context;
  const credential = await ownedCredential(context, userId, id, 'identity:get_application_credential');
  demandNotHandedOn(claims);
  if (credential.userId !== userId) throw couldNotFind('Application Credential', id);
  return { ...credential, rules: await listAccessRulesOf(tx, id) };
}

/** Before anything is computed for the caller: theirs, in a project, and not made by what makes no credentials. */
export function demandMayCreate(context: Pick<Context, 'policy' | 'caller'>, claims: Claims, userId: string): string {
  const { caller } = context;
  demand(context, 'identity:create_application_credential', { user_id: userId });
  demandNotHandedOn(claims);
  demandUnrestricted(claims);
  if (caller.userId !== userId) throw forbiddenAction('Cannot create an application credential for another user.');
  if (caller.projectId === null) throw unfit('it needs a token for the project that it is to be used in.');
  return caller.projectId;
}

export async function createApplicationCredential(context: Context, claims: Claims, wish: CredentialWish, secretHash: string): Promise<RuledCredential> {
  const { tx, caller, now } = context;
  if (wish.expiresAt !== null && endOf(wish.expiresAt) <= now) throw expiresInThePast();
  const { wantedRoles, wantedRules, ...credential } = wish;
  const granted = await listEffectiveRoles(tx, credential.userId, { kind: 'project', id: credential.projectId });
  const roles = wantedRoles === undefined ? granted.filter(({ name }) => caller.roles.has(name)) : await withImplied(tx, granted, wantedRoles, credential);
  const rights = await rightsOfToken(tx, claims);
  const rules = await storedRules(context, credential.userId, wantedRules.length === 0 ? (rights.accessRules ?? []) : wantedRules);
  // What is not said is as far as it goes.
  const expiresAt = credential.expiresAt ?? (rights.endsAt === null ? null : naive(rights.endsAt.toISOString()));
  const made: RuledCredential = { ...credential, expiresAt, roles: roles.map(({ id, name, domainId }) => ({ id, name, domain_id: domainId })), rules };
  const given: Wish = {
    ...rightsOfUser(made.userId),
    place: { kind: 'project', id: made.projectId },
    roles: new Set(roles.map(({ number }) => number)),
    endsAt: momentOf(expiresAt),
    accessRules: rules.length === 0 ? null : rules,
    redelegations: 0,
    kind: 'application credential',
  };
  demandWithin(given, rights, refusalOf);
  await insertApplicationCredential(tx, made, secretHash).catch((error: unknown) => {
    throw error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('application_credential', `Duplicate entry found with name ${made.name}`) : error;
  });
  await insertRulesOfCredential(tx, made.id, rules.map(({ id }) => id));
  // Regions judge by the rules too, and may be asked next.
  if (rules.length > 0) tx.wake(directoryChannel);
  return made;
}

/** When the credential ends, to the millisecond. */
export function endOf(expiresAt: string): Date {
  const end = new Date(`${expiresAt}Z`);
  if (Number.isNaN(end.getTime())) throw badRequest(`Invalid input for field 'application_credential.expires_at': ${expiresAt} is no time.`, 'SchemaValidationError');
  return end;
}

export async function deleteApplicationCredential(context: Context, directory: Directory, claims: Claims, userId: string, id: string): Promise<void> {
  const { tx, now } = context;
  const credential = await ownedCredential(context, userId, id, 'identity:delete_application_credential');
  demandNotHandedOn(claims);
  demandUnrestricted(claims);
  if (credential.userId !== userId) throw couldNotFind('Application Credential', id);
  await removeApplicationCredential(tx, id);
  await directory.revoke(tx, [`credential:${id}`], now);
}

/** Asks the rule of whoever owns it, whatever user the path names. keystone/api/users.py, _update_request_user_id_attribute */
async function ownedCredential(context: Context, userId: string, id: string, rule: string): Promise<ApplicationCredential> {
  const credential = await findApplicationCredential(context.tx, id);
  demand(context, rule, { user_id: credential?.userId ?? userId });
  if (!credential) throw couldNotFind('Application Credential', id);
  return credential;
}

/** Whoever acts for another makes nothing that stays, and sees nothing of it. keystone/api/users.py, _block_delegated_token_app_creds */
export function demandNotHandedOn({ trustId, accessTokenId }: Claims): void {
  if (trustId !== undefined || accessTokenId !== undefined) throw forbidden('Cannot manage application credentials with a token issued via delegation.', 'Forbidden');
}

// keystone/api/users.py, _check_unrestricted_application_credential
function demandUnrestricted({ applicationCredential }: Claims): void {
  if (applicationCredential?.restricted) throw forbiddenAction("Using method 'application_credential' is not allowed for managing additional application credentials.");
}

type EffectiveRole = { id: string; name: string; number: number; domainId: string | null };

/** keystone/api/users.py, _get_roles: with a role comes what it implies. */
async function withImplied(tx: Context['tx'], granted: readonly EffectiveRole[], wanted: readonly WantedRole[], { userId, projectId }: Pick<ApplicationCredential, 'userId' | 'projectId'>): Promise<EffectiveRole[]> {
  const named = wanted.map(({ id, name }) => {
    const role = granted.find((each) => (id === undefined ? each.name === name : each.id === id));
    if (!role) throw unfit(`Could not find role assignment with role: ${id ?? name}, user or group: ${userId}, project, domain, or system: ${projectId}.`);
    return role.id;
  });
  return listRolesWithImplied(tx, named);
}

async function storedRules({ tx, random }: Context, userId: string, wanted: readonly WantedRule[]): Promise<StoredRule[]> {
  const rules: StoredRule[] = [];
  for (const { id, service, method, path } of wanted) {
    const known = id === undefined ? undefined : await findAccessRule(tx, id);
    if (known && known.userId === userId) rules.push({ id: known.id, service: known.service, method: known.method, path: known.path });
    else if (service === undefined || method === undefined || path === undefined) throw id === undefined ? unfit('an access rule needs a service, a method and a path.') : couldNotFind('Access Rule', id);
    else rules.push(await ensureAccessRule(tx, userId, { id: random.uuid().replaceAll('-', ''), service, method, path }));
  }
  return [...new Map(rules.map((rule) => [rule.id, rule])).values()];
}

function refusalOf(excess: Excess): Fault {
  if (excess === 'roles') return unfit('Cannot create an application credential with unassigned role');
  return forbiddenAction(`Cannot create an application credential that gives more than the token (${excess})`);
}
