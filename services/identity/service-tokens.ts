/**
 * Tokens by which home's own work asks the regions: as the user `intercloud` of the project `service`, or in the name of a
 * user for whom it does lasting work. Nothing is stored that could be stolen, and rights that are taken away are gone.
 */
import type { Transaction } from '../../kit/postgres/database.ts';
import { newestRevocation } from './directory.store.ts';
import { defaultDomainId } from './domains.ts';
import { insertGrant, listEffectiveRoles } from './grants.store.ts';
import { newId, type IdentityParts } from './parts.ts';
import { findProject, findProjectByName } from './projects.store.ts';
import { findRoleByName } from './roles.store.ts';
import type { Claims } from './token-format.ts';
import { findUser, findUserByName, insertUser, type User } from './users.store.ts';

export type ServiceTokens = {
  /** Of the cloud itself, for an administrator's and a service's operations. */
  own(): Promise<string>;
  /** With the roles that the user has in the project now; undefined: he has none any more. */
  inNameOf(userId: string, projectId: string): Promise<string | undefined>;
};

const validMs = 10 * 60_000;
const renewedMs = 2 * 60_000;
const userName = 'intercloud';
const scope = { kind: 'system', reason: "home's own work" } as const;

export function createServiceTokens(parts: Pick<IdentityParts, 'database' | 'clock' | 'random' | 'tokens' | 'directory'>): ServiceTokens {
  const { database, clock, tokens, directory } = parts;
  let kept: { token: string; until: number; changes: number } | undefined;
  return {
    async own() {
      await directory.current();
      const now = clock.now().getTime();
      if (kept && kept.until - now > renewedMs && kept.until - now <= validMs && kept.changes === directory.changes) return kept.token;
      const claims = await database.transaction(scope, async (tx) => claimsOf(tx, await ensureUser(parts, tx), await serviceProject(tx), clock.now()));
      if (!claims) throw new Error('the service user has no role');
      const { token } = tokens.issue(claims);
      kept = { token, until: claims.expiresAt.getTime(), changes: directory.changes };
      return token;
    },
    async inNameOf(userId, projectId) {
      await directory.current();
      const claims = await database.read(scope, async (tx) => {
        const [user, project] = [await findUser(tx, userId), await findProject(tx, projectId)];
        return user?.enabled && project?.enabled ? claimsOf(tx, user, project, clock.now()) : undefined;
      });
      return claims && tokens.issue(claims).token;
    },
  };
}

async function claimsOf(tx: Transaction, user: User, project: { id: string; name: string; domainId: string }, now: Date): Promise<Omit<Claims, 'auditId'> | undefined> {
  const epoch = await newestRevocation(tx);
  const roles = await listEffectiveRoles(tx, user.id, { kind: 'project', id: project.id });
  if (roles.length === 0) return undefined;
  return {
    userId: user.id,
    userName: user.name,
    userDomainId: user.domainId,
    scope: { kind: 'project', id: project.id, name: project.name, domainId: project.domainId },
    roleNumbers: roles.map(({ number }) => number),
    methods: ['token'],
    parentAuditId: undefined,
    applicationCredential: undefined,
    trustId: undefined,
    accessTokenId: undefined,
    ec2CredentialId: undefined,
    epoch,
    issuedAt: now,
    expiresAt: new Date(now.getTime() + validMs),
  };
}

async function serviceProject(tx: Transaction): Promise<{ id: string; name: string; domainId: string }> {
  const project = await findProjectByName(tx, defaultDomainId, 'service');
  if (!project) throw new Error('the cloud has no project for its services');
  return project;
}

/** Nobody can log in as it: it has no password. */
async function ensureUser(parts: Pick<IdentityParts, 'random'>, tx: Transaction): Promise<User> {
  await tx.run`select pg_advisory_xact_lock(hashtext('identity.service-user'))`;
  const known = await findUserByName(tx, defaultDomainId, userName);
  if (known) return known;
  const project = await serviceProject(tx);
  const id = newId(parts);
  await insertUser(tx, { id, domainId: defaultDomainId, name: userName, defaultProjectId: project.id, description: "The cloud's own work", email: null, enabled: true, options: {}, extra: {} }, null);
  for (const name of ['admin', 'service']) {
    const role = await findRoleByName(tx, name);
    if (role) await insertGrant(tx, role.id, { kind: 'user', id }, { kind: 'project', id: project.id });
  }
  return (await findUser(tx, id))!;
}
