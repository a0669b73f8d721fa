/** Two partners of one operator, each with a domain, an account, a brand, a manager and a customer of his own. */
import { createClient, type Client } from '../contract/client.ts';
import type { Service } from '../contract/contract.ts';
import { identity } from '../contract/identity/service.ts';
import { billing } from '../contract/intercloud/billing.ts';
import { brand } from '../contract/intercloud/brand.ts';
import { compute } from '../contract/compute/service.ts';
import { federation } from '../contract/intercloud/federation.ts';
import { image } from '../contract/image/service.ts';
import { metering } from '../contract/intercloud/metering.ts';
import { network } from '../contract/network/service.ts';
import { objectStore } from '../contract/object-store/service.ts';
import { placement } from '../contract/placement/service.ts';
import { volume } from '../contract/volume/service.ts';
import type { Person, TestCloud } from './cloud.ts';

export type Side = { name: string; domainId: string; accountId: string; host: string; support: string; regions: string[]; /** Works in a project of the domain. */ customer: Person; /** Manages the domain. */ manager: Person };

const base = 'http://cloud.example';

export async function makePartner(cloud: TestCloud, name: string, { regions }: { regions: string[] }): Promise<Side> {
  const { admin } = cloud;
  const { id: domainId } = (await admin.identity.domains.create({ body: { domain: { name } } })).body.domain;
  const { id: projectId } = (await admin.identity.projects.create({ body: { project: { name: `${name}-project`, domain_id: domainId } } })).body.project;
  const roles = new Map((await admin.identity.roles.list()).body.roles.map((role) => [role.name, role.id]));
  const user = async (what: string) => {
    const password = `${name}-${what}-password`;
    const { id } = (await admin.identity.users.create({ body: { user: { name: `${name}-${what}`, domain_id: domainId, password } } })).body.user;
    return { name: `${name}-${what}`, id, password };
  };
  const [customer, manager] = [await user('customer'), await user('manager')];
  await admin.identity.projectUserGrants.create({ params: { project_id: projectId, user_id: customer.id, role_id: roles.get('member') ?? '' } });
  await admin.identity.domainUserGrants.create({ params: { domain_id: domainId, user_id: manager.id, role_id: roles.get('manager') ?? '' } });
  const { id: accountId } = (await admin.client(billing).accounts.create({ body: { name } })).body;
  await admin.client(billing).accounts.addDomain({ params: { account_id: accountId, domain_id: domainId } });
  const [host, support] = [`cloud.${name}.example`, `help@${name}.example`];
  await admin.client(brand).brands.replace({ params: { account_id: accountId }, body: { name, support, hosts: [host], regions, terms_url: `https://${name}.example/terms` } });
  return {
    name, domainId, accountId, host, support, regions,
    customer: personIn(cloud, { ...customer, domainId, projectId, scope: { project: { id: projectId } } }),
    manager: personIn(cloud, { ...manager, domainId, projectId: '', scope: { domain: { id: domainId } } }),
  };
}

type Account = { name: string; id: string; password: string; domainId: string; projectId: string; scope: { project: { id: string } } | { domain: { id: string } } };

/** Somebody of that domain, signed in there or in a project of it. */
export function personIn(cloud: TestCloud, { name, id, password, domainId, projectId, scope }: Account): Person {
  let kept: { token: string; until: number } | undefined;
  const token = async () => {
    if (kept && kept.until > cloud.clock.now().getTime() + 60_000) return kept.token;
    const reply = await createClient(identity, { base, fetch: cloud.fetch }).tokens.create({ body: { auth: { identity: { methods: ['password'], password: { user: { name, domain: { id: domainId }, password } } }, scope } } });
    kept = { token: reply.headers.get('x-subject-token') ?? '', until: Date.parse(reply.body.token.expires_at) };
    return kept.token;
  };
  const client = <S extends Service>(service: S, at = base, version = service.microversions?.max): Client<S> => createClient<Service>(service, { base: at, token, fetch: cloud.fetch, ...(version === undefined ? {} : { version }) }) as unknown as Client<S>;
  return {
    name, userId: id, projectId, password, token, client,
    identity: client(identity), federation: client(federation), metering: client(metering), billing: client(billing), placement: client(placement), image: client(image), volume: client(volume), network: client(network), objectStore: client(objectStore), compute: client(compute, base, '2.35'),
  };
}
