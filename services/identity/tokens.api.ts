/** The door of tokens, and of where a token can be scoped to. keystone/api/auth.py, keystone/common/render_token.py */
import type { Static } from 'typebox';
import { scopes as scopesContract } from '../../contract/identity/scopes.ts';
import { tokens as tokensContract, type Token } from '../../contract/identity/tokens.ts';
import { forbidden, notFound } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { readsEverything } from './access.ts';
import { authenticateFor } from './authentication.ts';
import { catalogFor } from './catalog.ts';
import { findApplicationCredential } from './application-credentials.store.ts';
import { domainView } from './domains.api.ts';
import { findDomain, inEnabledDomain, listDomains } from './domains.store.ts';
import { domainOf, hasSystemRole, projectOf } from './grants.store.ts';
import { pageConditions, pageOf, rowsFor, selfOf } from './pages.ts';
import type { IdentityParts } from './parts.ts';
import { projectView } from './projects.api.ts';
import { listProjects } from './projects.store.ts';
import { listRolesByNumber } from './roles.store.ts';
import { forbiddenAction } from './refusals.ts';
import { expiredWindowMs, type Claims } from './token-format.ts';

export function tokensDoor({ tokens, passwords, directory }: IdentityParts) {
  /** The token that is asked about, for whoever may ask. */
  function subject(request: { caller: Caller; headers: Readonly<Record<string, string | string[] | undefined>>; query: { allow_expired?: string } }, rule: string, who: (caller: Caller) => boolean) {
    const token = request.headers['x-subject-token'];
    if (typeof token !== 'string' || token === '') throw notFound('No token in the request', 'TokenNotFound');
    const claims = tokens.verify(token, isTrue(request.query.allow_expired) ? expiredWindowMs : 0);
    // Before the right is looked at, as the right depends on whose token it is (keystone/common/rbac_enforcer/enforcer.py,
    // _extract_subject_token_target_data). Not what was sent: an error must not repeat a secret.
    if (!claims) throw notFound('Failed to validate token', 'TokenNotFound');
    if (!(who(request.caller) || claims.userId === request.caller.userId)) throw forbiddenAction(rule);
    return { token, claims };
  }
  const validator = (caller: Caller) => readsEverything(caller) || caller.roles.has('service');
  const revoker = (caller: Caller) => caller.isAdmin;

  return implement(tokensContract, {
    async create(request) {
      await directory.current();
      const { token, claims } = await authenticateFor({ tokens, passwords, read: request.read, now: request.now }, request.body.auth);
      const body = await request.read((tx) => render(tx, claims, request.query.nocatalog === undefined));
      return new Answer(body, { headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } });
    },
    async validate(request) {
      const { token, claims } = subject(request, 'identity:validate_token', validator);
      return new Answer(await render(request.tx, claims, request.query.nocatalog === undefined), { headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } });
    },
    async check(request) {
      const { token } = subject(request, 'identity:check_token', validator);
      return new Answer(undefined, { headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } });
    },
    async revoke(request) {
      const { claims } = subject({ ...request, query: {} }, 'identity:revoke_token', revoker);
      await directory.revoke(request.tx, [`token:${claims.auditId}`], request.now);
    },
  });
}

export const scopesDoor = implement(scopesContract, {
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
    return { catalog: await catalogFor(request.tx, { projectId, userId }), links: { self: selfOf(request) } };
  },
});

async function render(tx: Transaction, claims: Claims, withCatalog: boolean): Promise<Static<typeof Token>> {
  const { scope, userId } = claims;
  const userDomain = await named(tx, claims.userDomainId);
  const credential = claims.applicationCredential && (await findApplicationCredential(tx, claims.applicationCredential.id));
  const projectId = scope.kind === 'project' ? scope.id : null;
  return {
    token: {
      methods: claims.methods,
      user: { domain: userDomain, id: userId, name: claims.userName, password_expires_at: null },
      audit_ids: [claims.auditId, ...(claims.parentAuditId === undefined ? [] : [claims.parentAuditId])],
      expires_at: microseconds(claims.expiresAt),
      issued_at: microseconds(claims.issuedAt),
      ...(scope.kind === 'project' ? { project: { domain: await named(tx, scope.domainId), id: scope.id, name: scope.name }, is_domain: false } : {}),
      ...(scope.kind === 'domain' ? { domain: await named(tx, scope.id) } : {}),
      ...(scope.kind === 'system' ? { system: { all: true as const } } : {}),
      ...(scope.kind === 'unscoped' ? {} : { roles: await listRolesByNumber(tx, claims.roleNumbers) }),
      ...(scope.kind === 'unscoped' || !withCatalog ? {} : { catalog: await catalogFor(tx, { projectId, userId }) }),
      ...(credential ? { application_credential: { id: credential.id, name: credential.name, restricted: !credential.unrestricted } } : {}),
    },
  };
}

async function named(tx: Transaction, id: string): Promise<{ id: string; name: string }> {
  // The token was found valid a moment ago; its domain may be gone since.
  return { id, name: (await findDomain(tx, id))?.name ?? '' };
}

/** keystone writes six digits; ours has three. */
function microseconds(moment: Date): string {
  return moment.toISOString().replace('Z', '000Z');
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && ['1', 't', 'true', 'on', 'y', 'yes'].includes(text.toLowerCase());
}
