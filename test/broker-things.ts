/** Real things of the broker, made through the API: for generated requests (things.ts, bodies.ts). */
import type { Client } from '../contract/client.ts';
import type { compute } from '../contract/compute/service.ts';
import { broker } from '../contract/intercloud/broker.ts';
import { virtualServices } from '../contract/virtual.ts';
import { observeRegions } from '../services/broker/observing.ts';
import type { Person, TestCloud } from './cloud.ts';

type Making = { cloud: TestCloud; owner: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { imageId: string; get(name: 'flavor'): Promise<string> };

export const brokerMakers = {
  decision: async ({ cloud, owner, get, unique }: Making) => {
    await observeRegions(cloud.cloud.broker.parts);
    const anywhere = owner.client(virtualServices[0]!) as unknown as Client<typeof compute>;
    const { body } = await anywhere.servers.create({ body: { server: { name: unique(), flavorRef: await get('flavor'), imageRef: cloud.imageId, networks: [] } } as never });
    const { id } = (body as { server: { id: string } }).server;
    await cloud.settle();
    return (await owner.client(broker).decisions.list({ query: { server_id: id } })).body.decisions[0]?.id ?? '';
  },
  fleet: async ({ cloud, owner, get, unique }: Making) =>
    (await owner.client(broker).fleets.create({ body: { fleet: { name: unique(), size: 0, machine: { flavor: await get('flavor'), image: cloud.imageId, networks: [] } } } })).body.fleet.id,
  'region of this cloud': async ({ cloud }: Making) => cloud.cloud.region.region,
};

export const brokerPaths = {
  'intercloud-broker /decisions/': 'decision',
  'intercloud-broker /fleets/': 'fleet',
  'intercloud-broker /labels/': 'region of this cloud',
} as const;

export const brokerBodies = {
  'intercloud-broker.fleets.create': async (things: Things) => ({ fleet: { name: 'fleet', size: 0, machine: { flavor: await things.get('flavor'), image: things.imageId, networks: [] } } }),
  'intercloud-broker.fleets.update': async () => ({ fleet: { size: 1 } }),
};
