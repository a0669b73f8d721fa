/** The door of application credentials. keystone/api/users.py, UserAppCred… */
import { applicationCredentials as contract } from '../../contract/identity/application-credentials.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { createApplicationCredential, deleteApplicationCredential, demandMayCreate, getApplicationCredential, listApplicationCredentials, type RuledCredential } from './application-credentials.ts';
import { naive } from './moments.ts';
import { pageOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { hashOfGenerated } from './passwords.ts';
import { claimsOf } from './tokens.ts';

// keystone/api/users.py, _generate_secret: 64 random bytes.
const secretBytes = 64;

export function applicationCredentialsDoor(parts: IdentityParts) {
  const { directory, passwords, random, tokens } = parts;
  return implement(contract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listApplicationCredentials(request, claimsOf(tokens, request.caller), request.params.user_id, request.query));
      return { application_credentials: items.map((credential) => credentialView(credential, request)), ...rest };
    },
    async create(request) {
      const { name, description = null, secret: chosen, expires_at: expiresAt, roles, unrestricted, access_rules: rules } = request.body.application_credential;
      const { user_id: userId } = request.params;
      const claims = claimsOf(tokens, request.caller);
      const projectId = demandMayCreate(request, claims, userId);
      const secret = chosen ?? random.bytes(secretBytes).toString('base64url');
      const hash = chosen == null ? hashOfGenerated(secret) : await passwords.hash(secret);
      const wish = {
        id: newId(parts),
        userId,
        projectId,
        name: name.trim(),
        description,
        unrestricted: unrestricted ?? false,
        expiresAt: expiresAt == null ? null : naive(expiresAt),
        wantedRoles: roles,
        wantedRules: rules ?? [],
      };
      // What is committed, and kept for a repeated request, does not have the secret: it is shown to the first one only.
      const shown = await request.commit(async (tx) => {
        const credential = await createApplicationCredential({ ...request, tx }, claims, wish, hash);
        await announce({ ...request, tx }, 'application_credential', 'created', credential.id, { user_id: userId });
        return { application_credential: credentialView(credential, request) };
      });
      return { application_credential: { ...shown.application_credential, secret } };
    },
    async show(request) {
      const { user_id: userId, application_credential_id: id } = request.params;
      return { application_credential: credentialView(await getApplicationCredential(request, claimsOf(tokens, request.caller), userId, id), request) };
    },
    async delete(request) {
      const { user_id: userId, application_credential_id: id } = request.params;
      await deleteApplicationCredential(request, directory, claimsOf(tokens, request.caller), userId, id);
      await announce(request, 'application_credential', 'deleted', id, { user_id: userId });
    },
  });
}

function credentialView({ id, userId, projectId, name, description, unrestricted, expiresAt, roles, rules }: RuledCredential, { url }: { url(path: string): string }) {
  return {
    id,
    name,
    description,
    user_id: userId,
    project_id: projectId,
    system: null,
    roles,
    expires_at: expiresAt,
    unrestricted,
    // keystone has none of them rather than an empty list.
    ...(rules.length === 0 ? {} : { access_rules: [...rules] }),
    links: { self: url(`/users/${userId}/application_credentials/${id}`) },
  };
}
