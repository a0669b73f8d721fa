/** What is used at a partner's is counted on both sides: by another Intercloud itself, of any other cloud by what it shows. */
import { createClient, type Client } from '../contract/client.ts';
import { metering } from '../contract/intercloud/metering.ts';
import type { PartnerSettings } from '../supervisor/config.ts';
import { countedBy, type Offer } from './partner-access.ts';
import { asFailure, limited, type Admin } from './region.ts';

/** Clocks of two owners are ten minutes apart at most, and what is asked takes its time. */
const usualTerms = { tolerance_seconds: 660, late_hours: 48, book_hash: '' };

export type Counted = { agreement: string; signed: boolean; failure: string | null; open_disputes: number };

/** The agreement that there is, or a new one; asked with what we get in there by. */
export async function countOnBothSides(admin: Admin, offer: Offer, { name, peer, settings }: { name: string; peer: string; settings: Pick<PartnerSettings, 'authUrl' | 'region' | 'domainId'> }): Promise<void> {
  const { agreements } = meteringOf(admin);
  const theirs = await countedBy({ ...offer, partnerRegion: settings.region });
  const known = await agreementOf(admin, name);
  const id = known?.id ?? (theirs ? await agreeOn(admin, name, peer, theirs) : await watch(admin, name, peer));
  const { projectDomain = offer.userDomain } = offer;
  const project = offer.project === undefined ? null : { name: offer.project, domain: projectDomain };
  const access = { auth_url: settings.authUrl, region: settings.region, domain_id: settings.domainId, user: offer.username, user_domain: offer.userDomain, project, password: offer.password };
  await agreements.setAccess({ params: { agreement_id: id }, body: { kind: theirs ? 'intercloud' : 'openstack', ...access } }).catch(asFailure);
}

/** By the terms that the partner's owner has written down, under the same name on both sides. */
async function agreeOn(admin: Admin, region: string, peer: string, { agreement, keys }: NonNullable<Awaited<ReturnType<typeof countedBy>>>): Promise<string> {
  const { id, tolerance_seconds, late_hours, book_hash, resources } = agreement;
  return (await meteringOf(admin).agreements.create({ body: { id, role: 'consumer', peer, region, domain_id: null, keys, tolerance_seconds, late_hours, book_hash, resources } }).catch(asFailure)).body.id;
}

/** Of servers and volumes every OpenStack keeps for how long they were there. */
async function watch(admin: Admin, region: string, peer: string): Promise<string> {
  return (await meteringOf(admin).agreements.create({ body: { role: 'consumer', peer, region, domain_id: null, keys: [], ...usualTerms, resources: ['server', 'volume'] } }).catch(asFailure)).body.id;
}

/** What was counted stays. */
export async function askNoMore(admin: Admin, region: string): Promise<void> {
  const known = await agreementOf(admin, region);
  if (known && known.asked !== null) await meteringOf(admin).agreements.removeAccess({ params: { agreement_id: known.id } }).catch(asFailure);
}

export async function countedWith(admin: Admin, region: string): Promise<Counted | null> {
  const known = await agreementOf(admin, region);
  if (!known?.asked) return null;
  const { disputes } = (await meteringOf(admin).disputes.list({ query: { agreement_id: known.id, status: 'open' } })).body;
  return { agreement: known.id, signed: known.asked.kind === 'intercloud', failure: known.asked.failure, open_disputes: disputes.length };
}

export function counting(counted: Counted | null): string {
  if (counted === null) return 'here only';
  const how = counted.signed ? 'by both, and signed' : 'here, and compared with what they show';
  return `${how} (agreement ${counted.agreement}): ${counted.failure ?? `${counted.open_disputes} open disputes`}`;
}

/** The newest. */
async function agreementOf(admin: Admin, region: string) {
  const { agreements } = (await meteringOf(admin).agreements.list()).body;
  return agreements.filter((each) => each.role === 'consumer' && each.region === region).toSorted((one, other) => (one.created_at < other.created_at ? 1 : -1))[0];
}

function meteringOf({ base, token }: Admin): Client<typeof metering> {
  return createClient(metering, { base, token: () => token, fetch: limited });
}
