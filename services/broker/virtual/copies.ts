/**
 * The same image, network, router, security group or key again in another region, made because a machine there needs it.
 * What is asked of a region carries the intent's id as its idempotency key: asked again after a crash, it is made once.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { compute } from '../../../contract/compute/service.ts';
import type { Operation, Service } from '../../../contract/contract.ts';
import { image } from '../../../contract/image/service.ts';
import { network } from '../../../contract/network/service.ts';
import { Fault } from '../../../kit/fault.ts';
import { deleteCopy, intendCopy, listCopies, setCopy, type Copy } from '../copies.store.ts';
import type { Region } from '../regions.ts';
import { operationAt } from './collections.ts';
import type { Errand } from './errand.ts';
import type { Reply } from './relay.ts';

type Thing = Record<string, unknown>;

/** A refusal of the region that was asked to make the copy, in its own words. */
function refusedBy(region: Region, what: string, { status, body }: Reply): Fault {
  const words = typeof body === 'object' && body !== null ? JSON.stringify(body) : String(body ?? '');
  return new Fault(status >= 400 && status < 500 ? status : 502, 'conflictingRequest', `${what} could not be copied to ${region.name}: ${words.slice(0, 300)}`);
}

/** The id by which this thing is known in the region; made there first if need be. */
export async function copyTo(errand: Errand, collection: string, id: string, from: Region, to: Region): Promise<string> {
  if (from.name === to.name) return id;
  const make = makers[collection];
  if (!make) throw new Error(`Nobody can copy one of ${collection}`);
  const copy = await errand.write((tx) => intendCopy(tx, { id: errand.random.uuid(), projectId: errand.projectId, collection, sourceId: id, sourceRegion: from.name, region: to.name }, errand.now));
  if (copy.copyId !== null) return copy.copyId;
  const copyId = await make(errand, copy, from, to);
  await errand.write((tx) => setCopy(tx, copy.id, copyId));
  return copyId;
}

type Maker = (errand: Errand, copy: Copy, from: Region, to: Region) => Promise<string>;

const makers: Record<string, Maker> = {
  images: copyImage,
  networks: copyNetwork,
  routers: copyRouter,
  'security-groups': copySecurityGroup,
  'os-keypairs': copyKeyPair,
};

async function get(errand: Errand, region: Region, service: Service, path: string, { params = {}, query = {} }: { params?: Record<string, string>; query?: Record<string, string | string[]> } = {}): Promise<Thing> {
  const reply = await errand.relay(region, { service, operation: operationAt(service, 'GET', path), params: named(service, 'GET', path, params), query });
  if (reply.status !== 200) throw refusedBy(region, path, reply);
  return reply.body as Thing;
}

/** Makes it, or finds it made by the same intent. */
async function make(errand: Errand, region: Region, service: Service, path: string, { key, body, params = {}, method = 'POST' }: { key: string; body: unknown; params?: Record<string, string>; method?: 'POST' | 'PUT' }): Promise<Thing> {
  const reply = await errand.relay(region, { service, operation: operationAt(service, method, path), params: named(service, method, path, params), body, headers: method === 'POST' ? { 'idempotency-key': key } : {} });
  if (reply.status >= 300) throw refusedBy(region, path, reply);
  return (reply.body ?? {}) as Thing;
}

/** The only parameter of a path, by whatever name the contract gives it. */
function named(service: Service, method: Operation['method'], path: string, params: Record<string, string>): Record<string, string> {
  const [id] = Object.values(params);
  const name = /\{(\w+)\}/.exec(operationAt(service, method, path).path)?.[1];
  return id === undefined || name === undefined ? params : { [name]: id };
}

async function copyImage(errand: Errand, { id: key, sourceId }: Copy, from: Region, to: Region): Promise<string> {
  const source = await get(errand, from, image, '/images/{}', { params: { id: sourceId } });
  const hash = String(source['os_hash_value'] ?? '');
  if (source['status'] !== 'active' || hash === '') throw new Fault(409, 'conflictingRequest', `Image ${sourceId} is ${String(source['status'])}; only an active image can be used in ${to.name}.`);
  // The same bytes, whatever they are called.
  const there = (await get(errand, to, image, '/images', { query: { os_hash_value: hash, status: 'active' } }))['images'] as Thing[];
  if (there[0]) return String(there[0]['id']);
  const { name, disk_format, container_format, min_disk, min_ram, os_distro, hw_rng_model } = source as Record<string, string>;
  const properties = Object.fromEntries(Object.entries({ os_distro, hw_rng_model }).filter(([, value]) => value !== undefined));
  const made = await make(errand, to, image, '/images', { key, body: { name, disk_format, container_format, min_disk, min_ram, visibility: 'private', ...properties } });
  const copyId = String(made['id']);
  if ((await get(errand, to, image, '/images/{}', { params: { id: copyId } }))['status'] === 'queued') {
    const bytes = await errand.relay(from, { service: image, operation: operationAt(image, 'GET', '/images/{}/file'), params: { image_id: sourceId } });
    if (bytes.status !== 200) throw refusedBy(from, `Image ${sourceId}`, bytes);
    const sent = await errand.relay(to, { service: image, operation: operationAt(image, 'PUT', '/images/{}/file'), params: { image_id: copyId }, body: bytes.body, headers: { 'content-type': 'application/octet-stream' } });
    // Somebody else sends the same bytes already.
    if (sent.status !== 204 && sent.status !== 409) throw refusedBy(to, `Image ${sourceId}`, sent);
  }
  return activeImage(errand, to, copyId, hash);
}

async function activeImage(errand: Errand, region: Region, id: string, hash: string): Promise<string> {
  for (;;) {
    const seen = await get(errand, region, image, '/images/{}', { params: { id } });
    if (seen['status'] === 'active') {
      if (seen['os_hash_value'] === hash) return id;
      throw new Fault(502, 'conflictingRequest', `The copy of an image in ${region.name} does not have the bytes that were sent.`);
    }
    if (seen['status'] !== 'saving' && seen['status'] !== 'queued') throw new Fault(502, 'conflictingRequest', `The copy of an image in ${region.name} is ${String(seen['status'])}.`);
    await wait(200);
  }
}

async function copyKeyPair(errand: Errand, { id: key, sourceId: name }: Copy, from: Region, to: Region): Promise<string> {
  const source = (await get(errand, from, compute, '/os-keypairs/{}', { params: { name } }))['keypair'] as Thing;
  const reply = await errand.relay(to, { service: compute, operation: operationAt(compute, 'POST', '/os-keypairs'), body: { keypair: { name, public_key: source['public_key'] } }, headers: { 'idempotency-key': key } });
  if (reply.status < 300) return name;
  if (reply.status !== 409) throw refusedBy(to, `Key pair ${name}`, reply);
  const other = (await get(errand, to, compute, '/os-keypairs/{}', { params: { name } }))['keypair'] as Thing;
  if (other['fingerprint'] !== source['fingerprint']) throw new Fault(409, 'conflictingRequest', `${to.name} has another key pair named ${name}; delete one of them or give another name.`);
  return name;
}

/** A network that is not the project's own is the region's own of the same kind. */
async function copyNetwork(errand: Errand, { id: key, sourceId }: Copy, from: Region, to: Region): Promise<string> {
  const source = (await get(errand, from, network, '/networks/{}', { params: { id: sourceId } }))['network'] as Thing;
  if (source['router:external'] === true) return externalNetwork(errand, to);
  if (source['project_id'] !== errand.projectId) throw new Fault(409, 'conflictingRequest', `Network ${sourceId} is shared within ${from.name} only; use a network of your own.`);
  const made = (await make(errand, to, network, '/networks', { key, body: { network: only(source, ['name', 'description', 'admin_state_up', 'mtu', 'port_security_enabled']) } }))['network'] as Thing;
  const copyId = String(made['id']);
  const subnets = (await get(errand, from, network, '/subnets', { query: { network_id: sourceId } }))['subnets'] as Thing[];
  for (const subnet of subnets) {
    const body = { ...only(subnet, ['name', 'description', 'cidr', 'ip_version', 'enable_dhcp', 'gateway_ip', 'dns_nameservers', 'host_routes', 'allocation_pools']), network_id: copyId, ...modes(subnet) };
    const copied = (await make(errand, to, network, '/subnets', { key: `${key}-${String(subnet['id'])}`, body: { subnet: body } }))['subnet'] as Thing;
    await record(errand, 'subnets', String(subnet['id']), from, to, String(copied['id']));
    await joinRouters(errand, String(subnet['id']), String(copied['id']), from, to);
  }
  return copyId;
}

async function joinRouters(errand: Errand, subnetId: string, copyId: string, from: Region, to: Region): Promise<void> {
  const ports = (await get(errand, from, network, '/ports', { query: { device_owner: 'network:router_interface', fixed_ips: `subnet_id=${subnetId}` } }))['ports'] as Thing[];
  for (const port of ports) {
    const routerId = await copyTo(errand, 'routers', String(port['device_id']), from, to);
    const reply = await errand.relay(to, { service: network, operation: operationAt(network, 'PUT', '/routers/{}/add_router_interface'), params: { router_id: routerId }, body: { subnet_id: copyId } });
    // It is on this router already.
    if (reply.status !== 200 && reply.status !== 400 && reply.status !== 409) throw refusedBy(to, `Router ${routerId}`, reply);
  }
}

async function copyRouter(errand: Errand, { id: key, sourceId }: Copy, from: Region, to: Region): Promise<string> {
  const source = (await get(errand, from, network, '/routers/{}', { params: { id: sourceId } }))['router'] as Thing;
  const gateway = source['external_gateway_info'] === null ? {} : { external_gateway_info: { network_id: await externalNetwork(errand, to) } };
  const made = (await make(errand, to, network, '/routers', { key, body: { router: { ...only(source, ['name', 'description', 'admin_state_up']), ...gateway } } }))['router'] as Thing;
  return String(made['id']);
}

async function copySecurityGroup(errand: Errand, { id: key, sourceId }: Copy, from: Region, to: Region): Promise<string> {
  const source = (await get(errand, from, network, '/security-groups/{}', { params: { id: sourceId } }))['security_group'] as Thing;
  const there = source['name'] === 'default' ? await defaultGroup(errand, to) : ((await make(errand, to, network, '/security-groups', { key, body: { security_group: only(source, ['name', 'description']) } }))['security_group'] as Thing);
  const copyId = String(there['id']);
  const rules = source['security_group_rules'] as Thing[];
  const had = new Map((there['security_group_rules'] as Thing[]).map((rule) => [ruleText(rule, copyId), rule]));
  for (const rule of rules) {
    const remote = rule['remote_group_id'] === sourceId ? copyId : rule['remote_group_id'];
    if (typeof remote === 'string' && remote !== copyId) throw new Fault(409, 'conflictingRequest', `Security group ${sourceId} names the group ${remote}, which is not in ${to.name}; use address ranges instead.`);
    const wanted = { ...only(rule, ruleFields), remote_group_id: remote };
    const equal = had.get(ruleText(wanted, copyId));
    const made = equal ?? ((await make(errand, to, network, '/security-group-rules', { key: `${key}-${String(rule['id'])}`, body: { security_group_rule: { ...wanted, security_group_id: copyId } } }))['security_group_rule'] as Thing);
    await record(errand, 'security-group-rules', String(rule['id']), from, to, String(made['id']));
    had.delete(ruleText(wanted, copyId));
  }
  // What it had from the start and the source has not.
  for (const rule of had.values()) await errand.relay(to, { service: network, operation: operationAt(network, 'DELETE', '/security-group-rules/{}'), params: named(network, 'DELETE', '/security-group-rules/{}', { id: String(rule['id']) }) });
  return copyId;
}

const ruleFields = ['direction', 'ethertype', 'protocol', 'port_range_min', 'port_range_max', 'remote_ip_prefix', 'description'];

function ruleText(rule: Thing, groupId: string): string {
  return JSON.stringify([...ruleFields.map((field) => rule[field] ?? null), rule['remote_group_id'] === groupId ? 'itself' : (rule['remote_group_id'] ?? null)]);
}

async function defaultGroup(errand: Errand, region: Region): Promise<Thing> {
  const groups = (await get(errand, region, network, '/security-groups', { query: { name: 'default', project_id: errand.projectId } }))['security_groups'] as Thing[];
  if (!groups[0]) throw new Fault(502, 'conflictingRequest', `${region.name} has no default security group for this project.`);
  return groups[0];
}

async function externalNetwork(errand: Errand, region: Region): Promise<string> {
  const networks = (await get(errand, region, network, '/networks', { query: { 'router:external': 'true' } }))['networks'] as Thing[];
  if (!networks[0]) throw new Fault(409, 'conflictingRequest', `${region.name} has no external network.`);
  return String(networks[0]['id']);
}

async function record(errand: Errand, collection: string, sourceId: string, from: Region, to: Region, copyId: string): Promise<void> {
  await errand.write(async (tx) => {
    const copy = await intendCopy(tx, { id: errand.random.uuid(), projectId: errand.projectId, collection, sourceId, sourceRegion: from.name, region: to.name }, errand.now);
    await setCopy(tx, copy.id, copyId);
  });
}

/** IPv6 only: a subnet of IPv4 must not name them. */
function modes(subnet: Thing): Thing {
  return subnet['ip_version'] === 6 ? only(subnet, ['ipv6_address_mode', 'ipv6_ra_mode']) : {};
}

function only(thing: Thing, fields: readonly string[]): Thing {
  return Object.fromEntries(fields.flatMap((field) => (field in thing ? [[field, thing[field]]] : [])));
}

export type Copied = { toCopies: Map<string, Map<string, string>>; toSources: Map<string, string>; copies: (Copy & { copyId: string })[] };

/** For each region that has copies of what is named here: our ids to theirs. */
export async function copiedIds(errand: Errand): Promise<Copied> {
  const copies = errand.caller.projectId === null ? [] : await errand.read((tx) => listCopies(tx, errand.projectId));
  const toCopies = new Map<string, Map<string, string>>();
  for (const { region, sourceId, copyId } of copies) toCopies.set(region, (toCopies.get(region) ?? new Map<string, string>()).set(sourceId, copyId));
  // An image of everybody's may be the copy of several.
  const toSources = new Map(copies.filter(({ copyId, sourceId }) => copyId !== sourceId).map(({ copyId, sourceId }) => [copyId, sourceId]));
  return { toCopies, toSources, copies };
}

export async function forgetCopy(errand: Errand, copy: Copy): Promise<void> {
  await errand.write((tx) => deleteCopy(tx, copy.id));
}
