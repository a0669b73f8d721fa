/** The door of tokens, and of where a token can be scoped to. keystone/api/auth.py, keystone/common/render_token.py */
import type { Static } from 'typebox';
import { scopes as scopesContract } from '../../contract/identity/scopes.ts';
import { tokens as tokensContract, type Token } from '../../contract/identity/tokens.ts';
import { Fault, forbidden, notFound } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { listAccessRulesOf } from './access-rules.store.ts';
import { authenticateFor, takingOnce, type AuthenticationParts } from './authentication.ts';
import { findApplicationCredential } from './application-credentials.store.ts';
import { domainView } from './domains.api.ts';
import { inEnabledDomain, listDomains } from './domains.store.ts';
import { domainOf, hasSystemRole, projectOf } from './grants.store.ts';
import { pageConditions, pageOf, rowsFor, selfOf } from './pages.ts';
import { microseconds } from './moments.ts';
import { findAccessToken } from './oauth1.store.ts';
import type { IdentityParts } from './parts.ts';
import { projectView } from './projects.api.ts';
import { listProjects } from './projects.store.ts';
import { expiredWindowMs, type Claims } from './token-format.ts';
import { findTokenFacts } from './token-facts.store.ts';
import { findTrust } from './trusts.store.ts';

type OwnRequest = Pick<AuthenticationParts, 'read' | 'now'> & { headers: Headers; url(path: string): string; query: object; otherQuery: Readonly<Record<string, string | string[]>> };
type Headers = Readonly<Record<string, string | string[] | undefined>>;

export function tokensDoor(parts: IdentityParts) {
  const { tokens, directory } = parts;
  /** The token that is asked about, for whoever may ask. */
  function subject(request: Pick<Context, 'caller' | 'policy'> & { headers: Headers; query: { allow_expired?: string } }, rule: string) {
    const token = request.headers['x-subject-token'];
    if (typeof token !== 'string' || token === '') throw notFound('No token in the request', 'TokenNotFound');
    const claims = tokens.verify(token, isTrue(request.query.allow_expired) ? expiredWindowMs : 0);
    // Before the right is looked at, as the right depends on whose token it is (keystone/common/rbac_enforcer/enforcer.py,
    // _extract_subject_token_target_data). Not what was sent: an error must not repeat a secret.
    if (!claims) throw notFound('Failed to validate token', 'TokenNotFound');
    demand(request, rule, { token: { user_id: claims.userId, user: { domain: { id: claims.userDomainId } } } });
    // Who knows nothing of access rules would let the token do everything: keystone/token/provider.py.
    if (claims.applicationCredential?.limited === true && !(Number(request.headers['openstack-identity-access-rules']) >= 1)) throw notFound('Failed to validate token', 'TokenNotFound');
    return { token, claims };
  }

  return implement(tokensContract, {
    async create(request) {
      await directory.current();
      const { token, claims } = await authenticateFor(partsFor(parts, request, '/auth/tokens'), request.body.auth);
      const body = await request.read((tx) => render(parts, tx, claims, request.query.nocatalog === undefined));
      return new Answer(body, { headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } });
    },
    async validate(request) {
      const { token, claims } = subject(request, 'identity:validate_token');
      return new Answer(await render(parts, request.tx, claims, request.query.nocatalog === undefined), { headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } });
    },
    async check(request) {
      const { token } = subject(request, 'identity:check_token');
      return new Answer(undefined, { headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } });
    },
    // keystone/api/auth.py, AuthTokenOSPKIResource, where revoke_by_id is off, as it is unless told.
    listRevoked: () => Promise.reject(new Fault(410, 'Gone', 'The requested resource is no longer available.')),
    async revoke(request) {
      const { claims } = subject({ ...request, query: {} }, 'identity:revoke_token');
      await directory.revoke(request.tx, [`token:${claims.auditId}`], request.now);
    },
  });
}

export const scopesDoor = ({ catalogs }: IdentityParts) => implement(scopesContract, {
  async projects(request) {
    const { tx, caller, query } = request;
    const conditions = [projectOf(caller.userId), sql`enabled`, inEnabledDomain, ...pageConditions(query)];
    const { items, rest } = pageOf(request, await listProjects(tx, conditions, rowsFor(query)));
    return { projects: items.map((project) => projectView(project, request)), ...rest };
  },
  async domains(request) {
    const { tx, caller, query } = request;
    const { items, rest } = pageOf(request, await listDomains(tx, [domainOf(caller.userId), sql`enabled`, ...pageConditions(query)], rowsFor(query)));
    return { domains: items.map((domain) => domainView(domain, request)), ...rest };
  },
  async system(request) {
    const system = (await hasSystemRole(request.tx, request.caller.userId)) ? [{ all: true as const }] : [];
    return { system, links: { self: selfOf(request) } };
  },
  async catalog(request) {
    const { projectId, userId } = request.caller;
    if (projectId === null) throw forbidden('A project-scoped token is required to produce a service catalog.', 'Forbidden');
    return { catalog: await catalogs.catalogFor(request.tx, { projectId, userId }), links: { self: selfOf(request) } };
  },
});

export async function render({ directory, catalogs }: Pick<IdentityParts, 'directory' | 'catalogs'>, tx: Transaction, claims: Claims, withCatalog: boolean): Promise<Static<typeof Token>> {
  const { scope, userId, userDomainId } = claims;
  const projectId = scope.kind === 'project' ? scope.id : null;
  const scopeDomainId = scope.kind === 'project' ? scope.domainId : scope.kind === 'domain' ? scope.id : null;
  const [facts, credential, rules, trust, access] = await Promise.all([
    findTokenFacts(tx, { userId, userDomainId, scopeDomainId, projectId }),
    claims.applicationCredential && findApplicationCredential(tx, claims.applicationCredential.id),
    claims.applicationCredential ? listAccessRulesOf(tx, claims.applicationCredential.id) : [],
    claims.trustId === undefined ? undefined : findTrust(tx, claims.trustId),
    claims.accessTokenId === undefined ? undefined : findAccessToken(tx, claims.accessTokenId),
  ]);
  // The token was found valid a moment ago; a domain may be gone since.
  const scopeDomain = { id: scopeDomainId ?? '', name: facts.scopeDomain ?? '' };
  return {
    token: {
      methods: claims.methods,
      user: { domain: { id: userDomainId, name: facts.userDomain ?? '' }, id: userId, name: claims.userName, password_expires_at: facts.passwordExpiresAt },
      audit_ids: [claims.auditId, ...(claims.parentAuditId === undefined ? [] : [claims.parentAuditId])],
      expires_at: microseconds(claims.expiresAt),
      issued_at: microseconds(claims.issuedAt),
      ...(scope.kind === 'project' ? { project: { domain: scopeDomain, id: scope.id, name: scope.name }, is_domain: false } : {}),
      ...(scope.kind === 'domain' ? { domain: scopeDomain } : {}),
      ...(scope.kind === 'system' ? { system: { all: true as const } } : {}),
      ...(scope.kind === 'unscoped' ? {} : { roles: rolesOf(directory, claims) }),
      ...(scope.kind === 'unscoped' || !withCatalog ? {} : { catalog: await catalogs.catalogFor(tx, { projectId, userId }, facts) }),
      ...(credential ? { application_credential: { id: credential.id, name: credential.name, restricted: !credential.unrestricted, ...(rules.length === 0 ? {} : { access_rules: rules }) } } : {}),
      ...(trust ? { 'OS-TRUST:trust': { id: trust.id, impersonation: trust.impersonation, trustor_user: { id: trust.trustorId }, trustee_user: { id: trust.trusteeId } } } : {}),
      ...(access ? { 'OS-OAUTH1': { access_token_id: access.id, consumer_id: access.consumerId } } : {}),
    },
  };
}

function rolesOf(directory: IdentityParts['directory'], { roleNumbers }: Claims): { id: string; name: string }[] {
  return roleNumbers.flatMap((number) => directory.role(number) ?? []).toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** What proving needs, in a request that makes its own transactions. */
export function partsFor({ tokens, passwords, vault, database }: IdentityParts, request: OwnRequest, path: string): AuthenticationParts {
  const { headers, read, now } = request;
  const text = (name: string) => (typeof headers[name] === 'string' && headers[name] !== '' ? headers[name] : undefined);
  const pairs = Object.entries({ ...request.query, ...request.otherQuery }).flatMap(([name, value]) => [value].flat().map((each) => [name, String(each)] as const));
  return {
    tokens,
    passwords,
    vault,
    read,
    write: takingOnce(database),
    now,
    receipt: text('openstack-auth-receipt'),
    request: { method: 'POST', url: request.url(path), query: pairs, authorization: text('authorization') ?? '' },
  };
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && ['1', 't', 'true', 'on', 'y', 'yes'].includes(text.toLowerCase());
}
