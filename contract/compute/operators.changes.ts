/** Steps between microversions in what operators see. nova/api/openstack/rest_api_version_history.rst */
import type { Change } from '../contract.ts';
import { anySpec, anySpecsBody } from './extra-specs.ts';

type Numbered = { id: unknown; number?: number };
type Shown = Numbered & { service?: Numbered; cpu_info?: unknown; servers?: unknown[] };

/** Up to 2.52 a host and its service are known by number. */
function byNumber(thing: Numbered): void {
  thing.id = thing.number;
  delete thing.number;
}

function eachHypervisor(body: { hypervisor?: Shown; hypervisors?: Shown[] }, change: (shown: Shown) => void): object {
  for (const shown of [body.hypervisor ?? [], body.hypervisors ?? []].flat()) change(shown);
  return body;
}

const everyHypervisor = ['hypervisors.list', 'hypervisors.detail', 'hypervisors.show', 'hypervisors.search', 'hypervisors.servers', 'hypervisors.uptime'];

type ShownFlavor = { swap: number | string };

export const operatorChanges: readonly Change[] = [
  {
    version: '2.7',
    title: 'Only private flavors are opened to a project',
    operations: ['flavorAccess.add'],
    request: (body: { addTenantAccess: object }) => ({ addTenantAccess: { ...body.addTenantAccess, alsoPublic: true } }),
  },
  {
    version: '2.75',
    title: 'A flavor without a swap disk has one of size 0',
    operations: ['flavors.detail', 'flavors.show', 'flavors.create', 'flavors.update'],
    response: (body: { flavor?: ShownFlavor; flavors?: ShownFlavor[] }) => {
      for (const flavor of [body.flavor ?? [], body.flavors ?? []].flat()) if (flavor.swap === 0) flavor.swap = '';
      return body;
    },
  },
  { version: '2.86', title: 'What else a flavor asks of hosts is checked', operations: ['flavorExtraSpecs.create'], body: anySpecsBody },
  { version: '2.86', title: 'One thing that a flavor asks of hosts is checked', operations: ['flavorExtraSpecs.update'], body: anySpec },
  {
    version: '2.28',
    title: 'What processors a host has is an object, and no longer a text',
    operations: ['hypervisors.detail', 'hypervisors.show'],
    response: (body: { hypervisor?: Shown; hypervisors?: Shown[] }) => eachHypervisor(body, (shown) => (shown.cpu_info = JSON.stringify(shown.cpu_info))),
  },
  {
    version: '2.33',
    title: 'Hypervisors are listed in pages',
    operations: ['hypervisors.list', 'hypervisors.detail'],
    // Below zero, which no client may say: all of them.
    query: (query: object) => ({ ...query, limit: -1 }),
  },
  {
    version: '2.53',
    title: 'Hypervisors are known by ids, and no longer by numbers',
    operations: everyHypervisor,
    response: (body: { hypervisor?: Shown; hypervisors?: Shown[] }) =>
      eachHypervisor(body, (shown) => {
        byNumber(shown);
        if (shown.service) byNumber(shown.service);
      }),
  },
  {
    version: '2.53',
    title: 'Services are known by ids, and no longer by numbers',
    operations: ['services.list'],
    response: (body: { services: Numbered[] }) => {
      for (const service of body.services) byNumber(service);
      return body;
    },
  },
  {
    version: '2.75',
    title: 'A hypervisor without servers has an empty list of them',
    operations: ['hypervisors.list', 'hypervisors.detail', 'hypervisors.show'],
    response: (body: { hypervisor?: Shown; hypervisors?: Shown[] }) =>
      eachHypervisor(body, (shown) => {
        if (shown.servers?.length === 0) delete shown.servers;
      }),
  },
];
