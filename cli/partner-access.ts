/** What a partner's Keystone and Neutron say of what was offered to us: tried before anything is made here. */
import { randomBytes } from 'node:crypto';
import { createClient, Refused } from '../contract/client.ts';
import { identity } from '../contract/identity/service.ts';
import type { ResponseOf } from '../contract/contract.ts';
import { admission } from '../contract/intercloud/admission.ts';
import { metering } from '../contract/intercloud/metering.ts';
import { network } from '../contract/network/service.ts';
import type { PartnerSettings } from '../supervisor/config.ts';
import { Failure } from './failure.ts';
import { limited } from './region.ts';

export type Offer = { authUrl: string; username: string; password: string; userDomain: string; project?: string; projectDomain?: string; partnerRegion?: string; role?: string; externalNetwork?: string };

/** What their cloud counts for us: undefined when it is none that counts for others, or has not agreed to. */
export type Counted = { agreement: ResponseOf<(typeof metering)['nouns']['agreements']['show']>; keys: { id: string; public_key: string }[] };

/** Whether its owner has agreed with us to count on both sides, and the keys by which his cloud signs. */
export async function countedBy(offer: Offer): Promise<Counted | undefined> {
  const { token, domainId, catalog } = await signIn(offer);
  const region = offer.partnerRegion;
  const at = (type: string) => catalog.find((each) => each.type === type && (region === undefined || each.region === region))?.url;
  const [meters, signs] = [at(metering.type), at(admission.type)];
  if (meters === undefined || signs === undefined) return undefined;
  const { agreements } = (await createClient(metering, { endpoint: meters, token: () => token, fetch: limited }).agreements.list()).body;
  const agreement = agreements.find(({ role, domain_id: domain }) => role === 'provider' && domain === domainId);
  if (!agreement) return undefined;
  const { keys } = (await createClient(admission, { endpoint: signs, fetch: limited }).keys.list()).body;
  return { agreement, keys: keys.slice(0, 16).map(({ id, public_key }) => ({ id, public_key })) };
}

type Token = { token: string; userId: string; domainId: string; catalog: { type: string; url: string; region: string }[] };

/** As their cloud has it: the domain, the region and the network by their ids. */
export async function agreeWith(offer: Offer): Promise<Omit<PartnerSettings, 'capacity'>> {
  const { authUrl, username, userDomain, project, projectDomain = userDomain, role, externalNetwork } = offer;
  const session = await signIn(offer);
  const region = regionAmong(session, offer.partnerRegion);
  return {
    authUrl,
    region,
    credential: { kind: 'password', user: username, userDomain, ...(project === undefined ? {} : { project: { name: project, domain: projectDomain } }) },
    domainId: session.domainId,
    ...(role === undefined ? {} : { role }),
    externalNetwork: externalNetwork === undefined ? null : await outside(offer, session, { region, wished: externalNetwork }),
  };
}

type Scope = { domain: { name: string } } | { project: { id: string } | { name: string; domain: { name: string } } };

async function signIn({ authUrl, username, password, userDomain, project, projectDomain = userDomain }: Offer, within?: string): Promise<Token> {
  const own: Scope = project === undefined ? { domain: { name: projectDomain } } : { project: { name: project, domain: { name: projectDomain } } };
  const scope: Scope = within === undefined ? own : { project: { id: within } };
  const reply = await createClient(identity, { endpoint: versioned(authUrl, 'v3'), fetch: limited })
    .tokens.create({ body: { auth: { identity: { methods: ['password'], password: { user: { name: username, domain: { name: userDomain }, password } } }, scope } } })
    .catch((cause: unknown) => {
      if (cause instanceof Refused) throw new Failure(`The partner does not let ${username} in (${cause.status})`, 'Look at the name, the domain, the project and the password that they gave you');
      throw new Failure(`${authUrl} does not answer`, "Is it the address of the partner's Keystone, and is it to be reached from here?");
    });
  const { token } = reply.body;
  const catalog = (token.catalog ?? []).flatMap(({ type, endpoints }) => endpoints.filter((each) => each.interface === 'public').map(({ url, region_id: id, region }) => ({ type, url, region: id ?? region ?? '' })));
  return { token: reply.headers.get('x-subject-token') ?? '', userId: token.user.id, domainId: token.project?.domain?.id ?? token.domain?.id ?? '', catalog };
}

function regionAmong({ catalog }: Token, wished: string | undefined): string {
  const regions = [...new Set(catalog.filter(({ type }) => type === 'compute').map(({ region }) => region))];
  if (wished !== undefined && (regions.length === 0 || regions.includes(wished))) return wished;
  const [only] = regions;
  if (wished === undefined && only !== undefined && regions.length === 1) return only;
  throw new Failure(wished === undefined ? 'The partner has not one region only' : `The partner has no region ${wished}`, `Say which with --partner-region: ${regions.join(', ')}`);
}

type Outside = NonNullable<PartnerSettings['externalNetwork']>;

/** Who manages no more than a domain sees networks from a project of it only: one is there as long as it takes. */
async function outside(offer: Offer, session: Token, where: { region: string; wished: string }): Promise<Outside> {
  const found = await outsideFrom(session, where).catch((error: unknown) => {
    if (error instanceof Refused && error.status === 403 && offer.project === undefined) return undefined;
    throw error;
  });
  if (found) return found;
  const people = createClient(identity, { endpoint: versioned(offer.authUrl, 'v3'), token: () => session.token, fetch: limited });
  const { project } = (await people.projects.create({ body: { project: { name: `intercloud-${randomBytes(6).toString('hex')}`, domain_id: session.domainId } } })).body;
  try {
    const role = (await people.roles.list({ query: { name: 'manager' } })).body.roles.find(({ name }) => name === 'manager');
    await people.projectUserGrants.create({ params: { project_id: project.id, user_id: session.userId, role_id: role?.id ?? '' } });
    return await outsideFrom(await signIn(offer, project.id), where);
  } finally {
    await people.projects.delete({ params: { project_id: project.id } });
  }
}

/** Their network by its id, or by the addresses of one of its subnets. */
async function outsideFrom({ token, catalog }: Token, { region, wished }: { region: string; wished: string }): Promise<Outside> {
  const url = catalog.find((each) => each.type === 'network' && each.region === region)?.url;
  if (url === undefined) throw new Failure('Their catalog shows no network service', 'Name a project with --project, in which the user may look for the network');
  const client = createClient(network, { endpoint: versioned(url, 'v2.0'), token: () => token, fetch: limited });
  const [external, subnets] = [(await client.networks.list({ query: { 'router:external': ['true'] } })).body.networks, (await client.subnets.list()).body.subnets];
  const found = subnets.find(({ network_id: id, cidr, ip_version: version }) => version === 4 && (id === wished || cidr === wished) && external.some((each) => each.id === id));
  if (!found?.network_id || !found.cidr) throw new Failure(`The partner shows no network to the outside that is ${wished}`, `There is ${external.map(({ id, name }) => `${name} (${id})`).join(', ') || 'none'}`);
  return { id: found.network_id, cidr: found.cidr, gateway: found.gateway_ip ?? found.cidr.replace(/\d+\/\d+$/, '1') };
}

/** Catalogs name a service with its version or without. */
function versioned(url: string, version: string): string {
  const plain = url.replace(/\/+$/, '');
  return /\/v\d+(\.\d+)?(\/|$)/.test(plain) ? plain : `${plain}/${version}`;
}
