import { flavorAccess as accessContract, flavorExtraSpecs as specsContract, flavors as contract } from '../../contract/compute/flavors.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { Random } from '../../kit/clock.ts';
import { addAccess, addExtraSpecs, createFlavor, deleteFlavor, describeFlavor, getExtraSpec, getFlavor, listAccess, listFlavors, removeAccess, removeExtraSpec, type Flavor, type FlavorQuery } from './flavors.ts';
import { cut, linksTo, nextLinks } from './lists.ts';
import { truth } from './words.ts';

type Linking = { base: string; url(path: string): string };

export function flavorsApi({ random }: { random: Random }) {
  return implement(contract, {
    async list(request) {
      const { page, next } = cut(sorted(await listFlavors(request, readQuery(request.query)), request.query), request.query);
      const links = nextLinks(next && request.page({ marker: next }));
      return { flavors: page.map(({ id, name, description = null }) => ({ id, name, description, links: linksTo(request, `/flavors/${id}`) })), ...(links ? { flavors_links: links } : {}) };
    },
    async detail(request) {
      const { page, next } = cut(sorted(await listFlavors(request, readQuery(request.query)), request.query), request.query);
      const links = nextLinks(next && request.page({ marker: next }));
      return { flavors: page.map((flavor) => asFlavor(request, flavor)), ...(links ? { flavors_links: links } : {}) };
    },
    async show(request) {
      return { flavor: asFlavor(request, await getFlavor(request, request.params.flavor_id)) };
    },
    async create(request) {
      const wish = request.body.flavor;
      const flavor = await createFlavor(request, {
        id: wish.id === undefined || wish.id === null || wish.id === 'auto' ? random.uuid() : String(wish.id),
        name: wish.name,
        vcpus: atLeastOne('vcpus', wish.vcpus),
        memoryMiB: atLeastOne('ram', wish.ram),
        diskGiB: Number(wish.disk),
        ephemeralGiB: Number(wish['OS-FLV-EXT-DATA:ephemeral'] ?? 0),
        swapMiB: Number(wish.swap ?? 0),
        rxtxFactor: Number(wish.rxtx_factor ?? 1),
        isPublic: truth(wish['os-flavor-access:is_public'] ?? true),
        description: wish.description ?? null,
        extraSpecs: {},
      });
      return { flavor: asFlavor(request, flavor) };
    },
    async update(request) {
      return { flavor: asFlavor(request, await describeFlavor(request, request.params.flavor_id, request.body.flavor.description)) };
    },
    async delete(request) {
      await deleteFlavor(request, request.params.flavor_id);
    },
  });
}

export const flavorExtraSpecs = implement(specsContract, {
  async list(request) {
    return { extra_specs: (await getFlavor(request, request.params.flavor_id)).extraSpecs };
  },
  async show(request) {
    return { [request.params.key]: await getExtraSpec(request, request.params.flavor_id, request.params.key) };
  },
  async create(request) {
    const { params, body } = request;
    const specs = asText(body.extra_specs);
    await addExtraSpecs(request, params.flavor_id, specs);
    return { extra_specs: specs };
  },
  async update(request) {
    const { params, body } = request;
    const specs = asText(body);
    if (!(params.key in specs)) throw badRequest('Request body and URI mismatch');
    await addExtraSpecs(request, params.flavor_id, specs);
    return specs;
  },
  async delete(request) {
    const { params } = request;
    await removeExtraSpec(request, params.flavor_id, params.key);
  },
});

export const flavorAccess = implement(accessContract, {
  async list({ tx, params }) {
    return asAccess(params.flavor_id, await listAccess(tx, params.flavor_id));
  },
  async add(request) {
    const { params, body } = request;
    const { tenant, alsoPublic = false } = body.addTenantAccess;
    return asAccess(params.flavor_id, await addAccess(request, params.flavor_id, tenant, { alsoPublic }));
  },
  async remove(request) {
    const { params, body } = request;
    return new Answer(asAccess(params.flavor_id, await removeAccess(request, params.flavor_id, body.removeTenantAccess.tenant)));
  },
});

type Query = { is_public?: string; minRam?: string; minDisk?: string; sort_key?: string; sort_dir?: 'asc' | 'desc' };

function readQuery({ is_public: isPublic, minRam, minDisk }: Query): FlavorQuery {
  return { isPublic: readPublic(isPublic), minMemoryMiB: readNumber('minRam', minRam), minDiskGiB: readNumber('minDisk', minDisk) };
}

/** Not said: the public ones and the caller's. `none`: all. nova/api/openstack/compute/flavors.py, _parse_is_public */
function readPublic(text: string | undefined): boolean | null {
  if (text === undefined) return true;
  if (text.toLowerCase() === 'none') return null;
  if (['true', '1', 't', 'yes', 'on', 'y'].includes(text.toLowerCase())) return true;
  if (['false', '0', 'f', 'no', 'off', 'n'].includes(text.toLowerCase())) return false;
  throw badRequest(`Invalid is_public filter [${text}]`);
}

function readNumber(name: string, text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`Invalid ${name} filter [${text}]`);
  return Number(text);
}

const sortKeys: Record<string, (flavor: Flavor) => string | number> = {
  flavorid: ({ id }) => id,
  id: ({ id }) => id,
  name: ({ name }) => name,
  memory_mb: ({ memoryMiB }) => memoryMiB,
  vcpus: ({ vcpus }) => vcpus,
  root_gb: ({ diskGiB }) => diskGiB,
  ephemeral_gb: ({ ephemeralGiB }) => ephemeralGiB,
  swap: ({ swapMiB }) => swapMiB,
};

function sorted(flavors: readonly Flavor[], { sort_key: key = 'flavorid', sort_dir: way = 'asc' }: Query): Flavor[] {
  const of = sortKeys[key];
  if (!of) throw badRequest(`Sort key supplied is invalid: ${key}`);
  const sign = way === 'asc' ? 1 : -1;
  return flavors.toSorted((one, other) => {
    const [a, b] = [of(one), of(other)];
    return sign * (a < b ? -1 : a > b ? 1 : one.id < other.id ? -1 : 1);
  });
}

function asFlavor(request: Linking, flavor: Flavor) {
  return {
    id: flavor.id,
    name: flavor.name,
    ram: flavor.memoryMiB,
    vcpus: flavor.vcpus,
    disk: flavor.diskGiB,
    'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeralGiB,
    swap: flavor.swapMiB,
    rxtx_factor: flavor.rxtxFactor,
    'os-flavor-access:is_public': flavor.isPublic,
    'OS-FLV-DISABLED:disabled': false,
    description: flavor.description ?? null,
    extra_specs: { ...flavor.extraSpecs },
    links: linksTo(request, `/flavors/${flavor.id}`),
  };
}

function asAccess(id: string, projects: readonly string[]) {
  return { flavor_access: projects.map((project) => ({ flavor_id: id, tenant_id: project })) };
}

function asText(specs: Record<string, string | number>): Record<string, string> {
  return Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]));
}

function atLeastOne(field: string, value: string | number): number {
  if (Number(value) >= 1) return Number(value);
  throw badRequest(`Invalid input for field/attribute ${field}. Value: ${value}. ${value} is less than the minimum of 1`);
}
