/** The customer's client: Debian's `openstack`, unmodified, where it is installed; the typed client of our contract otherwise. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { compute } from '../../contract/compute/service.ts';
import type { image } from '../../contract/image/service.ts';
import type { network } from '../../contract/network/service.ts';
import { virtualRegion, virtualServices } from '../../contract/virtual.ts';
import type { Session } from './session.ts';

export type Seen = { id: string; name: string; status: string; zone: string };

/** What the customer does by hand, in the region that spans all. */
export type Customer = {
  /** What it is, for people. */
  client: string;
  makeNetwork(name: string): Promise<string>;
  deleteNetwork(name: string): Promise<void>;
  imageNamed(name: string): Promise<string>;
  boot(name: string, wish: { flavor: string; image: string; network: string }): Promise<void>;
  servers(): Promise<Seen[]>;
  deleteServers(names: readonly string[]): Promise<void>;
};

const program = '/usr/bin/openstack';

export function customerOf(session: Session): Customer {
  return existsSync(program) ? stockClient(session) : contractClient(session);
}

function stockClient({ base, login: { user, domain, password } }: Session): Customer {
  const env = {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    PYTHONWARNINGS: 'ignore',
    OS_AUTH_URL: `${base}/identity`,
    OS_IDENTITY_API_VERSION: '3',
    OS_REGION_NAME: virtualRegion,
    OS_USERNAME: user,
    OS_PASSWORD: password,
    OS_PROJECT_NAME: 'shop',
    OS_USER_DOMAIN_NAME: domain,
    OS_PROJECT_DOMAIN_NAME: domain,
  };
  const openstack = async (...args: string[]) => (await promisify(execFile)(program, args, { env, timeout: 180_000 })).stdout;
  const ask = async (...args: string[]) => JSON.parse(await openstack(...args, '-f', 'json')) as unknown;
  return {
    client: `openstack --os-region-name ${virtualRegion}`,
    async makeNetwork(name) {
      const { id } = (await ask('network', 'create', name)) as { id: string };
      await openstack('subnet', 'create', `${name}-v4`, '--network', name, '--subnet-range', '10.20.0.0/24');
      return id;
    },
    deleteNetwork: async (name) => void (await openstack('network', 'delete', name)),
    imageNamed: async (name) => ((await ask('image', 'show', name)) as { id: string }).id,
    boot: async (name, wish) => void (await openstack('server', 'create', name, '--flavor', wish.flavor, '--image', wish.image, '--network', wish.network, '--wait')),
    async servers() {
      const listed = (await ask('server', 'list', '--long')) as { ID: string; Name: string; Status: string; 'Availability Zone': string }[];
      return listed.map((each) => ({ id: each.ID, name: each.Name, status: each.Status, zone: each['Availability Zone'] }));
    },
    deleteServers: async (names) => void (await openstack('server', 'delete', ...names, '--wait')),
  };
}

function contractClient(session: Session): Customer {
  const [computing, images, , networks] = virtualServices;
  const { servers } = session.client(computing as typeof compute);
  const list = async (): Promise<Seen[]> =>
    (await servers.detail()).body.servers.map(({ id, name, status, 'OS-EXT-AZ:availability_zone': zone }) => ({ id, name, status, zone: zone ?? '' }));
  const at = session.client(networks as typeof network);
  return {
    client: `Intercloud's typed client (python3-openstackclient is not installed)`,
    async makeNetwork(name) {
      const { id = '' } = (await at.networks.create({ body: { network: { name } } })).body.network ?? {};
      await at.subnets.create({ body: { subnet: { network_id: id, name: `${name}-v4`, ip_version: 4, cidr: '10.20.0.0/24' } } });
      return id;
    },
    async deleteNetwork(name) {
      const [found] = (await at.networks.list({ query: { name: [name] } })).body.networks;
      if (found) await at.networks.delete({ params: { network_id: found.id ?? '' } });
    },
    async imageNamed(name) {
      const [found] = (await session.client(images as typeof image).images.list({ query: { name } })).body.images;
      if (!found) throw new Error(`There is no image ${name}`);
      return found.id;
    },
    boot: async (name, { flavor, image: imageRef, network: uuid }) => void (await servers.create({ body: { server: { name, flavorRef: flavor, imageRef, networks: [{ uuid }] } } })),
    servers: list,
    async deleteServers(names) {
      for (const { id, name } of await list()) if (names.includes(name)) await servers.delete({ params: { server_id: id } });
    },
  };
}
