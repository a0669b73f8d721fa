/** A token for whoever signed a request to another service, when that service asks. keystone/api/_shared/EC2_S3_Resource.py */
import { createHash } from 'node:crypto';
import { notFound, unauthorized } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { issue, type AuthenticationParts } from './authentication.ts';
import { findCredential, type StoredCredential } from './credentials.store.ts';
import { ec2Blob, idOfAccessKey } from './credentials.ts';
import { notAuthenticated } from './refusals.ts';
import { claimsFor, type Proof, type WantedScope } from './scoping.ts';
import { takeSignature } from './signatures.store.ts';
import { changesSomething, demandEc2Signature, demandS3Signature, requestLivesMs, type Ec2Request, type S3Request } from './signatures.ts';
import type { Claims } from './token-format.ts';
import { findTrust } from './trusts.store.ts';

type Parts = Pick<AuthenticationParts, 'tokens' | 'vault' | 'read' | 'write' | 'now'>;
type Signed<R> = R & { access?: string };

export async function tokenForEc2Request(parts: Parts, request: Signed<Ec2Request>): Promise<{ token: string; claims: Claims }> {
  const { credential, secret } = await signer(parts, request);
  demandEc2Signature(request, secret, parts.now);
  // What changes something must not be done again by whoever has overheard it.
  if (changesSomething(request)) await demandNew(parts, credential, request.signature ?? '');
  return tokenFor(parts, credential);
}

export async function tokenForS3Request(parts: Parts, request: Signed<S3Request>): Promise<{ token: string; claims: Claims }> {
  const { credential, secret } = await signer(parts, request);
  demandS3Signature(request, secret, parts.now);
  return tokenFor(parts, credential);
}

/** The secret of an access key, with a token of its holder: for who looks at signatures himself. */
export async function holderOf(parts: Parts, access: string): Promise<{ secret: string; token: string }> {
  const { credential, secret } = await signer(parts, { access });
  const { token } = await tokenFor(parts, credential);
  return { secret, token };
}

/** Whatever was not given a key of this kind has none that can be found. */
async function signer({ read, vault }: Parts, { access }: { access?: string }): Promise<{ credential: StoredCredential; secret: string }> {
  if (access === undefined) throw unauthorized('EC2 Signature not supplied', 'Unauthorized');
  return read(async (tx) => {
    const credential = await findCredential(tx, idOfAccessKey(access));
    if (credential?.type !== 'ec2') throw notFound('EC2 access key not found.', 'NotFound');
    return { credential, secret: ec2Blob(await vault.open(tx, 'credential', credential.id, credential.sealed)).secret };
  });
}

async function demandNew({ write, now }: Parts, { id }: StoredCredential, signature: string): Promise<void> {
  const digest = createHash('sha256').update(JSON.stringify(['ec2', id, signature])).digest();
  // Until it would be refused for its age, whichever way the signer's clock is off.
  const until = new Date(now.getTime() + 2 * requestLivesMs);
  if (!(await write((tx) => takeSignature(tx, digest, until)))) throw unauthorized('The request was made before.', 'Unauthorized');
}

async function tokenFor(parts: Parts, credential: StoredCredential): Promise<{ token: string; claims: Claims }> {
  const claims = await parts.read(async (tx) => {
    const { proof, scope } = await proofOf(tx, credential);
    const claims = await claimsFor(tx, parts.now, proof, scope);
    if (claims.scope.kind !== 'project' || claims.scope.id !== credential.projectId) throw unauthorized('EC2 credential project does not match that of what it was made with.', 'Unauthorized');
    return claims;
  });
  return issue(parts, claims);
}

/** It gives what it was made with. */
async function proofOf(tx: Transaction, { id, userId, projectId, trustId, applicationCredentialId, accessTokenId }: StoredCredential): Promise<{ proof: Proof; scope: WantedScope }> {
  const proof: Proof = { userId, methods: ['ec2credential'], ec2CredentialId: id };
  if (trustId !== null) {
    // With impersonation the trustor made it; it is the trustee who may use the trust.
    const trust = await findTrust(tx, trustId);
    if (!trust) throw notAuthenticated();
    return { proof: { ...proof, userId: trust.trusteeId }, scope: { 'OS-TRUST:trust': { id: trustId } } };
  }
  if (applicationCredentialId !== null) return { proof: { ...proof, applicationCredentialId }, scope: undefined };
  if (accessTokenId !== null) return { proof: { ...proof, accessTokenId }, scope: undefined };
  if (projectId === null) throw notAuthenticated();
  return { proof, scope: { project: { id: projectId } } };
}
