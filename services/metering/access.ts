/** How we get in at a provider, to ask what he has counted: kept sealed by the key of the cloud, and opened only to ask. */
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Vault } from '../identity/vault.ts';
import { deleteAccess, listAccess, saveAccess, setDueNow, setSealed, type AccessRow } from './access.store.ts';
import { getAgreement } from './agreements.ts';

export type Login = { user: string; userDomain: string; project: { name: string; domain: string } | null; domainId: string; password: string };
export type Access = Pick<AccessRow, 'kind' | 'authUrl' | 'region'> & Login;
export type Seals = Pick<Vault, 'sealKey' | 'openKey' | 'isOutdated'>;

export async function setAccess({ tx, now, requestId }: Context, vault: Seals, agreementId: string, { kind, authUrl, region, ...login }: Access): Promise<void> {
  const agreement = await getAgreement(tx, agreementId);
  if (agreement.role !== 'consumer') throw badRequest('A provider asks nobody: the consumer comes to him', 'invalid');
  if (!/^https?:\/\/[^\s/?#@]+/.test(authUrl)) throw badRequest('The address of the Keystone is http:// or https:// and names no user', 'invalid');
  await saveAccess(tx, { agreementId, kind, authUrl, region, sealed: vault.sealKey(placeOf(agreementId), Buffer.from(JSON.stringify(login))) }, now);
  await emit(tx, { now: () => now }, { type: 'agreement.update', resource: 'agreement', resourceId: agreementId, requestId, payload: { asked: kind } });
}

export async function removeAccess({ tx, now, requestId }: Context, agreementId: string): Promise<void> {
  await getAgreement(tx, agreementId);
  if (!(await deleteAccess(tx, agreementId))) throw notFound('It is not said how the peer is asked', 'notFound');
  await emit(tx, { now: () => now }, { type: 'agreement.update', resource: 'agreement', resourceId: agreementId, requestId, payload: { asked: null } });
}

/** The next who looks for what is due finds this. */
export async function compareNow({ tx, now }: Context, agreementId: string, { soFar }: { soFar: boolean }): Promise<void> {
  await getAgreement(tx, agreementId);
  if (!(await setDueNow(tx, agreementId, { now, soFar }))) throw conflict('It is not said how the peer is asked');
}

export function opened(vault: Seals, { agreementId, kind, authUrl, region, sealed }: AccessRow): Access {
  return { kind, authUrl, region, ...(JSON.parse(vault.openKey(placeOf(agreementId), sealed).toString()) as Login) };
}

/** What an older key of the cloud has sealed is sealed anew. */
export async function renewAccess(tx: Transaction, vault: Seals): Promise<void> {
  for (const { agreementId, sealed } of await listAccess(tx))
    if (vault.isOutdated(sealed)) await setSealed(tx, agreementId, vault.sealKey(placeOf(agreementId), vault.openKey(placeOf(agreementId), sealed)));
}

function placeOf(agreementId: string): string {
  return `access of agreement ${agreementId}`;
}
