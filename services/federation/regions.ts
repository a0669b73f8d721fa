/** Which places this cloud has, and how another one comes to it. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { contracts } from '../../contract/contracts.ts';
import { virtualRegion, virtualServices } from '../../contract/virtual.ts';
import { keysOf, seal, writeInvitation, type Membership } from '../../contract/intercloud/federation/invitations.ts';
import { conflict, forbidden, notFound, Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { ConstraintViolation, type Transaction } from '../../kit/postgres/database.ts';
import { ensureRegionInCatalog, removeRegionFromCatalog } from '../identity/region-catalog.ts';
import { removeServiceUser, replaceServiceUser } from '../identity/service-users.ts';
import type { Directory } from '../identity/directory.ts';
import type { HomeParts } from '../parts.ts';
import { deleteRegion, findRegion, findSecretsOf, inviteRegion, listRegions as selectRegions, lockRegion, markJoined, type Region } from './regions.store.ts';

export type { Region } from './regions.store.ts';

const goodForMs = 24 * 3_600_000;

export function listRegions({ tx }: Pick<Context, 'tx'>): Promise<Region[]> {
  return selectRegions(tx);
}

export async function getRegion({ tx }: Pick<Context, 'tx'>, name: string): Promise<Region> {
  const region = await findRegion(tx, name);
  if (!region) throw noRegion(name);
  return region;
}

/** A region is asked about by itself, or by an administrator; to all others it is not there. */
export async function getOwnRegion({ tx, caller }: Pick<Context, 'tx' | 'caller'>, name: string): Promise<Region> {
  const region = await findRegion(tx, name);
  if (!region || (!caller.isAdmin && region.userId !== caller.userId)) throw noRegion(name);
  return region;
}

export async function createRegion({ tx, now, random }: Context, name: string): Promise<{ region: Region; invitation: string; until: Date }> {
  if (name === virtualRegion) throw conflict(`${name} is the region that spans all others`);
  const secret = random.bytes(32);
  const { proof, seal: sealKey } = keysOf(name, secret);
  const until = new Date(now.getTime() + goodForMs);
  const invited = await inviteRegion(tx, { name, proofHash: hashOf(proof), sealKey, now, until }).catch((cause: unknown) => {
    throw cause instanceof ConstraintViolation && cause.kind === 'unique' ? new Fault(409, 'conflict', `There is a region whose name is too like ${name}`, { cause }) : cause;
  });
  if (!invited) throw conflict(`There is a region ${name} already`);
  return { region: await getRegion({ tx }, name), invitation: writeInvitation(name, secret), until };
}

export type Joining = { name: string; proof: string; url: string; driver: string };

/**
 * Whether this is who was invited. The same answer whatever is wrong, so that nothing is learned by trying. `answer`: it has joined,
 * and was not heard of since: who asks again, at the same address, is told again, and changes nothing.
 */
export async function demandInvited({ tx, now }: Pick<Context, 'tx' | 'now'>, { name, proof, url, driver }: Joining): Promise<{ sealKey: Buffer; answer: string | null }> {
  const secrets = await findSecretsOf(tx, name);
  const expected = secrets?.proofHash ?? hashOf('');
  const isOther = secrets?.answer != null && (secrets.url !== url || secrets.driver !== driver);
  if (!timingSafeEqual(hashOf(proof), expected) || !secrets?.proofHash || !secrets.sealKey || isOther) throw forbidden('This invitation is not valid: it was used, taken back, or never given.');
  const { sealKey, answer, invitedUntil } = secrets;
  if (invitedUntil && invitedUntil <= now) throw forbidden(`This invitation was good until ${invitedUntil.toISOString()}: have another one made.`);
  return { sealKey, answer };
}

/** The region is in the catalog from now on; it gets a user of its own, and is told who it is so that nobody else can read it. */
export async function joinRegion({ tx, now, random }: Pick<Context, 'tx' | 'now' | 'random'>, directory: Directory, joining: Joining): Promise<string> {
  const { name, url, driver } = joining;
  await lockRegion(tx, name);
  const { sealKey, answer: before } = await demandInvited({ tx, now }, joining);
  if (before !== null) return before;
  const { userId, credential, adminProjectId } = await replaceServiceUser({ tx, now, random }, directory, userNameOf(name));
  const membership: Membership = { region: name, credential, adminProjectId };
  const answer = seal(sealKey, random.bytes(12), membership);
  await markJoined(tx, { name, url, driver, userId, answer });
  await announceRegions(tx, { random });
  return answer;
}

/** Writes where each region's services are: its own at its address, those of home at home's. */
export async function announceRegions(tx: Transaction, parts: Pick<HomeParts, 'random'>): Promise<void> {
  const regions = await selectRegions(tx);
  const home = regions.find(({ first }) => first)?.url;
  if (!home) throw new Error('Home has no address: was it bootstrapped?');
  for (const { name, first, url } of regions)
    if (!first && url !== null) await ensureRegionInCatalog(parts, tx, { region: name, services: contracts.map((service) => ({ ...service, base: service.where === 'home' ? home : url })) });
  // With one region there is nothing to span, and clients that name no region would have a choice.
  if (!regions.some(({ first, url }) => !first && url !== null)) return removeRegionFromCatalog(tx, virtualRegion);
  const spanning = [...contracts.filter(({ where }) => where === 'home'), ...virtualServices];
  await ensureRegionInCatalog(parts, tx, { region: virtualRegion, services: spanning.map((service) => ({ ...service, base: home })) });
}

/** What it holds is not touched: whoever runs it must have seen to that. */
export async function partFromRegion({ tx, now, random }: Pick<Context, 'tx' | 'now' | 'random'>, directory: Directory, name: string): Promise<void> {
  const region = await getRegion({ tx }, name);
  if (region.first) throw conflict(`${name} is home's own region: it ends with the cloud`);
  await removeServiceUser({ tx, now }, directory, userNameOf(name));
  if (region.url !== null) await removeRegionFromCatalog(tx, name);
  await deleteRegion(tx, name);
  await announceRegions(tx, { random });
}

function userNameOf(region: string): string {
  return `region-${region}`;
}

function hashOf(proof: string): Buffer {
  return createHash('sha256').update(proof).digest();
}

function noRegion(name: string): Fault {
  return notFound(`There is no region ${name}`, 'regionNotFound');
}
