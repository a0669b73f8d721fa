/**
 * Two Interclouds of two owners in one process: the one's region `partner` is at the other, which both count. Each has its own
 * clock, and reaches the other by requests only, over a link that a test can trouble.
 */
import type { InjectOptions, Response as Injected } from 'light-my-request';
import { letIn } from '../cli/partner-letting-in.ts';
import { createClient, type Client } from '../contract/client.ts';
import { compute } from '../contract/compute/service.ts';
import type { Service } from '../contract/contract.ts';
import { admission } from '../contract/intercloud/admission.ts';
import { image } from '../contract/image/service.ts';
import { openOpenstackDriver } from '../drivers/openstack/open.ts';
import { manualClock, systemClock, systemRandom, type ManualClock } from '../kit/clock.ts';
import type { Door } from '../kit/http/serve.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { addRegion, type TestRegion } from './several-regions.ts';

type Test = Parameters<typeof startCloud>[0];

/** A request to the other cloud, and what is answered to it; a rejection is that nothing came back. */
export type Link = (request: InjectOptions & { method: string; url: string }, send: () => Promise<Injected>) => Promise<Injected>;

export type TwoClouds = {
  ours: TestCloud;
  theirs: TestCloud;
  partner: TestRegion;
  agreementId: string;
  /** There, in which our projects are. */
  domainId: string;
  /** From now on every request goes through this; undefined: straight. */
  trouble(link: Link | undefined): void;
  /** Both clocks go on by so much, and what is due then is done. */
  pass(minutes: number): Promise<void>;
  /** As long as it takes that what was counted is told, stated and compared: some minutes. */
  tell(): Promise<void>;
  settle(): Promise<void>;
  /** A server of alice's at the partner, by its id here. */
  boot(name: string): Promise<string>;
  servers: Client<typeof compute>['servers'];
  /** What the other cloud has of ours, as its administrator sees it. */
  there(): Promise<{ id: string; project: string; tag: string | null }[]>;
};

export type TwoCloudsOptions = { /** By how much their clock is ahead of ours. */ aheadMinutes?: number; toleranceSeconds?: number; /** Whether they count for us; otherwise they are watched. */ counted?: boolean };

const minuteMs = 60_000;
const turnMs = 61_000;
const password = 'rented-password';

export async function startTwoClouds(t: Test, { aheadMinutes = 0, toleranceSeconds = 660, counted = true }: TwoCloudsOptions = {}): Promise<TwoClouds> {
  const ours = await startCloud(t, { hosts: 1 });
  const theirs = await startCloud(t, { hosts: 1, clock: manualClock(new Date(ours.clock.now().getTime() + aheadMinutes * minuteMs)) });
  const troubled: { link?: Link | undefined } = {};
  const door = doorTo(theirs, troubled);
  ours.doors.set('theirs.example', door);

  await renameFlavors(theirs);
  const { domainId } = await letIn(theirs.admin.identity, { domain: 'rented', user: 'us', password });
  const access = { authUrl: 'http://theirs.example/identity', region: 'RegionOne', domainId };
  const agreementId = 'between';
  const terms = { id: agreementId, peer: 'them', keys: [], tolerance_seconds: toleranceSeconds, late_hours: 48, book_hash: '' };
  if (counted) await theirs.admin.metering.agreements.create({ body: { ...terms, peer: 'us', role: 'provider', region: 'RegionOne', domain_id: domainId } });

  const partner = await addRegion(t, ours, 'partner', {
    driver: 'openstack',
    openDriver: ({ database, blobs }) =>
      openOpenstackDriver({
        settings: { ...access, credential: { kind: 'password', user: 'us', userDomain: 'rented' }, externalNetwork: null, capacity: { vcpus: 64, memoryMiB: 131_072, diskGiB: 1_000 } },
        // It waits for the other cloud, whose work takes no time of ours.
        secret: password, database, blobs, clock: systemClock, random: systemRandom, fetch: ours.fetch,
      }),
  });
  await ours.admin.metering.agreements.create({ body: { ...terms, role: 'consumer', region: 'partner', domain_id: null, ...(counted ? {} : { resources: ['server', 'volume'] }) } });
  await ours.admin.metering.agreements.setAccess({ params: { agreement_id: agreementId }, body: { kind: counted ? 'intercloud' : 'openstack', auth_url: access.authUrl, region: access.region, domain_id: domainId, user: 'us', user_domain: 'rented', project: null, password } });

  // It was seen to work; what is tried for ever is nothing that is tried here.
  await ours.admin.client(admission).profiles.suspend({ params: { region: 'partner' } });
  const settle = async (): Promise<void> => {
    for (const each of [partner, theirs, ours]) await each.settle();
    keepApart();
  };
  /** What one had to wait for alone the other waits for too. */
  const keepApart = () => {
    const ahead = theirs.clock.now().getTime() - ours.clock.now().getTime() - aheadMinutes * minuteMs;
    ((ahead > 0 ? ours : theirs).clock as ManualClock).advance(Math.abs(ahead));
  };
  const advance = (ms: number) => {
    for (const { clock } of [ours, theirs]) (clock as ManualClock).advance(ms);
    keepApart();
  };
  const at = (base: string) => <S extends Service>(service: S): Client<S> => createClient<Service>(service, { base, token: () => ours.alice.token(), fetch: ours.fetch, ...(service.microversions ? { version: service.microversions.max } : {}) }) as unknown as Client<S>;
  const { servers, flavors } = at('http://partner.example')(compute);
  const images = at('http://partner.example')(image);
  return {
    ours, theirs, partner, agreementId, domainId, settle, servers,
    trouble: (link) => void (troubled.link = link),
    async pass(minutes) {
      advance(minutes * minuteMs);
      await settle();
    },
    async tell() {
      // Events, the hour, the way home, the statement, the comparison: each waits for its turn after the one before.
      for (let turn = 0; turn < 5; turn++) {
        advance(turnMs);
        await settle();
      }
    },
    async boot(name) {
      const [guest] = (await images.images.list()).body.images;
      const [flavor] = (await flavors.list()).body.flavors;
      const { body } = await servers.create({ body: { server: { name, imageRef: guest!.id, flavorRef: flavor!.id, networks: [] } } });
      await settle();
      return (body as { server: { id: string } }).server.id;
    },
    async there() {
      const projects = new Set((await theirs.admin.identity.projects.list({ query: { domain_id: domainId } })).body.projects.map(({ id }) => id));
      const all = (await theirs.admin.compute.servers.detail({ query: { all_tenants: '1' } })).body.servers;
      return all.flatMap(({ id, tenant_id: project, metadata }) => (projects.has(project) ? [{ id, project, tag: metadata['intercloud_tag'] ?? null }] : []));
    },
  };
}

export function nameThere(flavor: string): string {
  return `theirs.${flavor}`;
}

/** The same sizes under other names. */
async function renameFlavors({ admin: { compute: { flavors } } }: TestCloud): Promise<void> {
  for (const { id, name, vcpus, ram, disk } of (await flavors.detail()).body.flavors) {
    await flavors.delete({ params: { flavor_id: String(id) } });
    await flavors.create({ body: { flavor: { name: nameThere(name), vcpus, ram, disk } } });
  }
}

/** The other cloud by a name of its own, where it is done at once what it was asked: its clock is its own. */
function doorTo({ door, settle }: TestCloud, troubled: { link?: Link | undefined }): Door {
  const inject = async (request: InjectOptions & { method: string; url: string; headers?: Record<string, string> }) => {
    const send = async () => {
      const reply = await door.app.inject({ ...request, headers: { ...request.headers, host: 'cloud.example' } } as never);
      await settle();
      return named(reply);
    };
    return troubled.link ? troubled.link(request, send) : send();
  };
  const app = new Proxy(door.app, { get: (target, name) => (name === 'inject' ? inject : (Reflect.get(target, name) as unknown)) });
  return { ...door, app };
}

/** Both clouds of a test have the same name in their catalogs. */
function named(reply: Injected): Injected {
  const isText = String(reply.headers['content-type'] ?? '').includes('json');
  return isText ? answering(reply, reply.payload.replaceAll('http://cloud.example', 'http://theirs.example')) : reply;
}

/** The same answer with another body. */
export function answering({ statusCode, headers }: Injected, payload: string): Injected {
  return { statusCode, headers, payload, rawPayload: Buffer.from(payload) } as Injected;
}
