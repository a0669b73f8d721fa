/** The identity service: its door, and how every other door learns who calls. */
import { identity as contract } from '../../contract/identity/service.ts';
import type { Authenticate } from '../../kit/http/caller.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { SealingKey } from '../../kit/sealing.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { HomeParts, Made, RegionParts } from '../parts.ts';
import { accessRulesDoor } from './access-rules.api.ts';
import { applicationCredentialsDoor } from './application-credentials.api.ts';
import { createCatalogs } from './catalog.ts';
import { endpointsDoor, regionsDoor, servicesDoor } from './catalog.api.ts';
import { credentialsDoor } from './credentials.api.ts';
import { syncDomains } from './directory-sync.ts';
import { createDirectory, type Directory } from './directory.ts';
import { domainConfigDoor } from './domain-config.api.ts';
import { sealPlainSecrets } from './domain-secrets.ts';
import { ec2CredentialsDoor } from './ec2-credentials.api.ts';
import { domainsDoor } from './domains.api.ts';
import { domain, grantsDoor, group, project, roleAssignmentsDoor, user } from './grants.api.ts';
import { createGate } from './gate.ts';
import { endpointGroupsDoor, projectEndpointsDoor } from './endpoint-filters.api.ts';
import { groupsDoor } from './groups.api.ts';
import { identityInvariants } from './identity.invariants.ts';
import { limitsDoor, registeredLimitsDoor } from './limits.api.ts';
import type { IdentityParts } from './parts.ts';
import { oauthTokensDoor, accessTokensDoor, consumersDoor } from './oauth1.api.ts';
import { createPasswords, type PasswordCost } from './passwords.ts';
import { wholeSystem } from './places.ts';
import { policiesDoor, policyAssociationsDoor, policyEndpointsDoor } from './policies.api.ts';
import { projectsDoor, projectTagsDoor } from './projects.api.ts';
import { revocationEventsDoor } from './revocation-events.api.ts';
import { rolesDoor } from './roles.api.ts';
import { oauth2TokensDoor } from './oauth2.api.ts';
import { signatureTokensDoor } from './signature-tokens.api.ts';
import { forgetWhatWasTaken } from './signatures.store.ts';
import { simpleCertificatesDoor } from './simple-certificates.api.ts';
import { scopesDoor, tokensDoor } from './tokens.api.ts';
import { createTokens, type Tokens } from './tokens.ts';
import { trustsDoor } from './trusts.api.ts';
import { usersDoor } from './users.api.ts';
import { createVault, type Vault } from './vault.ts';

export { bootstrapIdentity, type Bootstrap } from './bootstrap.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export type Identity = Made & {
  /** Asks memory only, while that is not older than a second. */
  authenticate: Authenticate;
  /** Reads what `authenticate` needs; without it, the first one does. */
  start(): Promise<void>;
  directory: Directory;
  tokens: Tokens;
  vault: Vault;
};

export type IdentityOptions = {
  /** The cloud's own keys, the newest first: what lies in the database is sealed by them, and they are in none. */
  cloudKeys: readonly SealingKey[];
  passwordCost?: PasswordCost;
};

export function makeIdentity(parts: HomeParts, { cloudKeys, passwordCost }: IdentityOptions): Identity {
  const vault = createVault({ ...parts, cloudKeys });
  const directory = createDirectory({ ...parts, vault });
  const tokens = createTokens({ ...parts, directory });
  const passwords = createPasswords({ random: parts.random, ...(passwordCost ? { cost: passwordCost } : {}) });
  const gate = createGate({ ...parts, tokens });
  const own: IdentityParts = { ...parts, directory, tokens, passwords, vault, catalogs: createCatalogs() };
  return {
    implementation: implementService(contract, parts.database, {
      tokens: tokensDoor(own),
      scopes: scopesDoor(own),
      domains: domainsDoor(own),
      domainConfig: domainConfigDoor(own),
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
      endpointGroups: endpointGroupsDoor,
      projectEndpoints: projectEndpointsDoor,
      policies: policiesDoor,
      policyEndpoints: policyEndpointsDoor,
      endpointPolicies: policyAssociationsDoor,
      servicePolicies: policyAssociationsDoor,
      regionPolicies: policyAssociationsDoor,
      registeredLimits: registeredLimitsDoor,
      limits: limitsDoor,
      applicationCredentials: applicationCredentialsDoor(own),
      accessRules: accessRulesDoor(own),
      trusts: trustsDoor(own),
      credentials: credentialsDoor(own),
      ec2Credentials: ec2CredentialsDoor(own),
      oauth2Tokens: oauth2TokensDoor(own),
      signatureTokens: signatureTokensDoor(own),
      consumers: consumersDoor(own),
      oauthTokens: oauthTokensDoor(own),
      accessTokens: accessTokensDoor(own),
      revocationEvents: revocationEventsDoor,
      simpleCertificates: simpleCertificatesDoor,
    }),
    workflows: [],
    schedules: [
      schedule<RegionParts>('identity.directories', { everyMs: 30_000, run: () => syncDomains(own) }),
      schedule<RegionParts>('identity.keys', {
        everyMs: 3_600_000,
        async run() {
          await directory.renewKeys();
          await sealPlainSecrets(own);
          await vault.renew();
          await parts.database.transaction({ kind: 'system', reason: 'what cannot be used again anyway' }, (tx) => forgetWhatWasTaken(tx, parts.clock.now()));
        },
      }),
    ],
    invariants: identityInvariants(own),
    authenticate(token, asked) {
      const pending = directory.current();
      return pending === undefined ? gate(token, asked) : pending.then(() => gate(token, asked));
    },
    async start() {
      await directory.current();
    },
    directory,
    tokens,
    vault,
  };
}
