/** The door of keys with which users sign requests. keystone/api/users.py, UserOSEC2Credentials… */
import { ec2Credentials as contract } from '../../contract/identity/ec2-credentials.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { createEc2Credential, deleteEc2Credential, getEc2Credential, listEc2Credentials, type Ec2Credential } from './ec2-credentials.ts';
import { wholeList } from './pages.ts';
import type { IdentityParts } from './parts.ts';
import { claimsOf } from './tokens.ts';

export function ec2CredentialsDoor({ tokens, vault, directory }: IdentityParts) {
  return implement(contract, {
    async list(request) {
      const found = await listEc2Credentials(request, vault, claimsOf(tokens, request.caller), request.params.user_id);
      return { credentials: found.map((credential) => ec2View(credential, request)), ...wholeList(request) };
    },
    async create(request) {
      const { user_id: userId } = request.params;
      const made = await createEc2Credential(request, vault, claimsOf(tokens, request.caller), { userId, projectId: request.body.tenant_id });
      await announce(request, 'credential', 'created', made.id, { user_id: userId });
      return { credential: ec2View(made, request) };
    },
    async show(request) {
      const { user_id: userId, access } = request.params;
      return { credential: ec2View(await getEc2Credential(request, vault, claimsOf(tokens, request.caller), userId, access), request) };
    },
    async delete(request) {
      const { user_id: userId, access } = request.params;
      const { id } = await deleteEc2Credential(request, claimsOf(tokens, request.caller), userId, access);
      await directory.revoke(request.tx, [`ec2:${id}`], request.now);
      await announce(request, 'credential', 'deleted', id, { user_id: userId });
    },
  });
}

function ec2View({ userId, projectId, access, secret, trustId }: Ec2Credential, { url }: { url(path: string): string }) {
  return { access, secret, user_id: userId, tenant_id: projectId, trust_id: trustId, links: { self: url(`/users/${userId}/credentials/OS-EC2/${access}`) } };
}
