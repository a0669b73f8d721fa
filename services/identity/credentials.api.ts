/** The door of credentials. keystone/api/credentials.py */
import { credentials as contract } from '../../contract/identity/credentials.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { createCredential, deleteCredential, getCredential, listCredentials, updateCredential, type Credential } from './credentials.ts';
import { given } from './domains.api.ts';
import { extraOf } from './extra.ts';
import { pageOf } from './pages.ts';
import type { IdentityParts } from './parts.ts';
import { claimsOf } from './tokens.ts';

const columns = ['id', 'type', 'blob', 'user_id', 'project_id', 'links'];

export function credentialsDoor({ tokens, vault, directory }: IdentityParts) {
  return implement(contract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listCredentials(request, vault, claimsOf(tokens, request.caller), request.query));
      return { credentials: items.map((credential) => credentialView(credential, request)), ...rest };
    },
    async create(request) {
      const { type, blob, user_id: userId, project_id: projectId = null } = request.body.credential;
      const credential = await createCredential(request, vault, claimsOf(tokens, request.caller), { type, blob, userId, projectId, extra: extraOf(request.body.credential, columns) });
      await announce(request, 'credential', 'created', credential.id, { user_id: userId });
      return { credential: credentialView(credential, request) };
    },
    async show(request) {
      return { credential: credentialView(await getCredential(request, vault, claimsOf(tokens, request.caller), request.params.credential_id), request) };
    },
    async update(request) {
      const { id, type, blob, user_id: userId, project_id: projectId } = request.body.credential;
      const change = { ...given({ id, type, blob, userId, projectId }), extra: extraOf(request.body.credential, columns) };
      const credential = await updateCredential(request, vault, claimsOf(tokens, request.caller), request.params.credential_id, change);
      await announce(request, 'credential', 'updated', credential.id, { user_id: credential.userId });
      return { credential: credentialView(credential, request) };
    },
    async delete(request) {
      const { credential_id: id } = request.params;
      const { userId } = await deleteCredential(request, claimsOf(tokens, request.caller), id);
      await directory.revoke(request.tx, [`ec2:${id}`], request.now);
      await announce(request, 'credential', 'deleted', id, { user_id: userId });
    },
  });
}

function credentialView({ id, type, blob, userId, projectId, extra }: Credential, { url }: { url(path: string): string }) {
  return { ...extra, id, type, blob, user_id: userId, project_id: projectId, links: { self: url(`/credentials/${id}`) } };
}
