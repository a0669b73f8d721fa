/** The identity service: its door, and how every other door learns who calls. */
import { identity as contract } from '../../contract/identity/service.ts';
import type { Authenticate } from '../../kit/http/caller.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { HomeParts, Made } from '../parts.ts';
import { applicationCredentialsDoor } from './application-credentials.api.ts';
import { endpointsDoor, regionsDoor, servicesDoor } from './catalog.api.ts';
import { createDirectory, type Directory } from './directory.ts';
import { domainConfigDoor } from './domain-config.api.ts';
import { domainsDoor } from './domains.api.ts';
import { domain, grantsDoor, group, project, roleAssignmentsDoor, user } from './grants.api.ts';
import { groupsDoor } from './groups.api.ts';
import { identityInvariants } from './identity.invariants.ts';
import type { IdentityParts } from './parts.ts';
import { createPasswords, type PasswordCost } from './passwords.ts';
import { wholeSystem } from './places.ts';
import { projectsDoor, projectTagsDoor } from './projects.api.ts';
import { rolesDoor } from './roles.api.ts';
import { scopesDoor, tokensDoor } from './tokens.api.ts';
import { createTokens, type Tokens } from './tokens.ts';
import { usersDoor } from './users.api.ts';

export { bootstrapIdentity, type Bootstrap } from './bootstrap.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export type Identity = Made & {
  /** Asks memory only, while that is not older than a second. */
  authenticate: Authenticate;
  /** Reads what `authenticate` needs; without it, the first one does. */
  start(): Promise<void>;
  directory: Directory;
  tokens: Tokens;
};

export function makeIdentity(parts: HomeParts, { passwordCost }: { passwordCost?: PasswordCost } = {}): Identity {
  const directory = createDirectory(parts);
  const tokens = createTokens({ ...parts, directory });
  const passwords = createPasswords({ random: parts.random, ...(passwordCost ? { cost: passwordCost } : {}) });
  const own: IdentityParts = { ...parts, directory, tokens, passwords };
  return {
    implementation: implementService(contract, parts.database, {
      tokens: tokensDoor(own),
      scopes: scopesDoor,
      domains: domainsDoor(own),
      domainConfig: domainConfigDoor,
      projects: projectsDoor(own),
      projectTags: projectTagsDoor(own),
      users: usersDoor(own),
      groups: groupsDoor(own),
      roles: rolesDoor(own),
      projectUserGrants: grantsDoor(own, (params) => ({ actor: user(params), place: project(params) })),
      projectGroupGrants: grantsDoor(own, (params) => ({ actor: group(params), place: project(params) })),
      domainUserGrants: grantsDoor(own, (params) => ({ actor: user(params), place: domain(params) })),
      domainGroupGrants: grantsDoor(own, (params) => ({ actor: group(params), place: domain(params) })),
      inheritedProjectUserGrants: grantsDoor(own, (params) => ({ actor: user(params), place: project(params) }), { inherited: true }),
      inheritedProjectGroupGrants: grantsDoor(own, (params) => ({ actor: group(params), place: project(params) }), { inherited: true }),
      inheritedDomainUserGrants: grantsDoor(own, (params) => ({ actor: user(params), place: domain(params) }), { inherited: true }),
      inheritedDomainGroupGrants: grantsDoor(own, (params) => ({ actor: group(params), place: domain(params) }), { inherited: true }),
      systemUserGrants: grantsDoor(own, (params) => ({ actor: user(params), place: wholeSystem })),
      systemGroupGrants: grantsDoor(own, (params) => ({ actor: group(params), place: wholeSystem })),
      roleAssignments: roleAssignmentsDoor,
      services: servicesDoor(own),
      endpoints: endpointsDoor(own),
      regions: regionsDoor(own),
      applicationCredentials: applicationCredentialsDoor(own),
    }),
    workflows: [],
    schedules: [],
    invariants: identityInvariants(parts),
    authenticate(token) {
      const pending = directory.current();
      return pending === undefined ? tokens.callerOf(token) : pending.then(() => tokens.callerOf(token));
    },
    async start() {
      await directory.current();
    },
    directory,
    tokens,
  };
}
