/**
 * The door of the region that spans all. Each operation goes one of five ways: to the region that has the thing; to all of
 * them, for lists; to where a decision says, for machines; to where what it names is; or to home's own region.
 */
import type { Operation, Service } from '../../../contract/contract.ts';
import { compute } from '../../../contract/compute/service.ts';
import { network } from '../../../contract/network/service.ts';
import { virtualServices } from '../../../contract/virtual.ts';
import { Fault } from '../../../kit/fault.ts';
import { Answer, type AnyHandler, type Call, type Implementation } from '../../../kit/http/implement.ts';
import { forgetHandle } from '../handles.store.ts';
import type { Offers } from '../candidates.ts';
import type { Region } from '../regions.ts';
import { collectionOf, idsIn, showOf, subjectOf, withIds } from './collections.ts';
import { copiedIds, copyTo, forgetCopy, type Copied } from './copies.ts';
import { regionNamed, regionServiceOf, remember, startErrand, whereAre, whereIs, type Errand, type VirtualParts } from './errand.ts';
import { gather } from './gather.ts';
import { asAnswer, passedHeaders, Unanswered, unreachable, type Asked, type Reply } from './relay.ts';
import { placeServer } from './server-placing.ts';

type Incoming = Call & {
  params: Record<string, string>;
  otherQuery: Record<string, string | string[]>;
  body: unknown;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  base: string;
  page(change: Record<string, string>): string;
  signal: AbortSignal;
};

/** What lists are gathered of; the rest is the same everywhere, and home's own region answers. */
const spread: Record<string, readonly string[]> = {
  compute: ['servers', 'images', 'os-hypervisors', 'os-services'],
  image: ['images'],
  volumev3: ['volumes', 'snapshots', 'attachments', 'os-volume-transfer', 'messages', 'backups', 'groups', 'group_snapshots'],
  network: ['networks', 'subnets', 'ports', 'routers', 'floatingips', 'security-groups', 'security-group-rules'],
};

export function makeVirtualRegion(parts: VirtualParts, offers: Offers): Implementation[] {
  return virtualServices.map((spanning) => {
    const service = regionServiceOf(spanning);
    const handlers = Object.entries(service.nouns).map(([noun, operations]) => [noun, Object.fromEntries(Object.entries(operations).map(([name, operation]) => [name, handlerOf(parts, offers, service, `${noun}.${name}`, operation)]))] as const);
    return { service: spanning, database: parts.database, handlers: Object.fromEntries(handlers) };
  });
}

function handlerOf(parts: VirtualParts, offers: Offers, service: Service, name: string, operation: Operation): AnyHandler {
  const way = wayOf(service, name, operation);
  const handler = async (request: Incoming) => {
    const errand = await startErrand(parts, request);
    const key = request.headers['idempotency-key'];
    const asked: Asked = {
      service,
      operation,
      params: request.params,
      query: request.otherQuery,
      body: request.body,
      headers: { ...passedHeaders(request.headers), ...(typeof key === 'string' ? { 'idempotency-key': key } : {}) },
    };
    try {
      return await way({ errand, offers, asked, request });
    } catch (error) {
      if (error instanceof Unanswered) throw unreachable(error);
      throw error;
    }
  };
  return handler as AnyHandler;
}

type Going = { errand: Errand; offers: Offers; asked: Asked; request: Incoming };
type Way = (going: Going) => Promise<Answer<unknown>>;

function wayOf(service: Service, name: string, operation: Operation): Way {
  const collections = spread[service.type] ?? [];
  if (service === compute && name === 'servers.create') return toWhereDecided;
  if (service === compute && name.startsWith('availabilityZones.')) return zones;
  const subject = subjectOf(operation);
  if (subject) return collections.includes(subject.collection) && showOf(service, subject.collection) ? toTheThing(subject) : toTheAnchor;
  const collection = collectionOf(operation);
  if (!collections.includes(collection)) return toTheAnchor;
  return operation.method === 'GET' ? (going) => gather(going, collection) : toWhatItNames(collections, collection);
}

async function toTheAnchor({ errand, asked, request }: Going): Promise<Answer<unknown>> {
  return outward(errand, errand.anchor, await errand.relay(errand.anchor, asked), request);
}

async function toWhereDecided(going: Going): Promise<Answer<unknown>> {
  const { errand, offers, asked, request } = going;
  const { 'idempotency-key': clientKey = null, ...headers } = asked.headers ?? {};
  if (errand.caller.projectId === null) return toTheAnchor(going);
  const placed = await placeServer(errand, { offers, body: asked.body, headers, clientKey });
  return placed ? outward(errand, placed.region, placed.reply, request) : toTheAnchor(going);
}

function toTheThing({ collection, parameter }: { collection: string; parameter: string }): Way {
  return async (going) => {
    const { errand, asked, request } = going;
    const id = asked.params?.[parameter] ?? '';
    const region = (await whereIs(errand, asked.service, collection, id)) ?? errand.anchor;
    if (collection === 'floatingips') await demandPortIn(errand, region, asked.body);
    const { reply, copied } = await everywhereItIs(errand, region, asked, { collection, id });
    return outward(errand, region, reply, request, copied);
  };
}

/** An address is one of its region, and is not carried to another. */
async function demandPortIn(errand: Errand, region: Region, body: unknown): Promise<void> {
  const portId = (body as { floatingip?: { port_id?: unknown } } | undefined)?.floatingip?.port_id;
  const at = typeof portId === 'string' ? await whereIs(errand, network, 'ports', portId) : undefined;
  if (!at || at.name === region.name) return;
  throw new Fault(409, 'Conflict', `The floating IP is an address of ${region.name} and port ${String(portId)} is in ${at.name}: make one for the port, which is then of its region, and release this one.`);
}

function toWhatItNames(collections: readonly string[], collection: string): Way {
  return async (going) => {
    const { errand, asked, request } = going;
    const zone = Object.values((asked.body ?? {}) as Record<string, unknown>).map((each) => (each as { availability_zone?: unknown } | null)?.availability_zone).find((each) => typeof each === 'string');
    const outside = asked.service === network ? externalIn(asked.body) : undefined;
    const region = regionOfZone(errand, zone) ?? (await regionOfNamed(errand, asked, collections, outside)) ?? errand.anchor;
    const there = outside === undefined ? asked : await withOutsideOf(errand, region, asked, outside);
    const { reply, copied } = await everywhereItIs(errand, region, typeof zone === 'string' && regionNamed(errand, zone) ? withoutZone(there) : there, undefined);
    const id = madeId(reply);
    if (id !== undefined) await remember(errand, collection, id, region);
    return outward(errand, region, reply, request, copied);
  };
}

function regionOfZone(errand: Errand, zone: unknown): Region | undefined {
  return typeof zone === 'string' ? regionNamed(errand, zone.split(':')[0] ?? '') : undefined;
}

/** The network to the outside that a floating address is to be of. */
function externalIn(body: unknown): string | undefined {
  const id = (body as { floatingip?: { floating_network_id?: unknown } } | undefined)?.floatingip?.floating_network_id;
  return typeof id === 'string' ? id : undefined;
}

/** Every region has its own way out: it is shown once, and means the one of the region where it is used. */
async function withOutsideOf(errand: Errand, region: Region, asked: Asked, id: string): Promise<Asked> {
  const at = await whereIs(errand, network, 'networks', id);
  if (!at || at.name === region.name) return asked;
  return { ...asked, body: withIds(asked.body, new Map([[id, await copyTo(errand, 'networks', id, at, region)]])) };
}

/** The way out says nothing of where, as long as anything else does. */
async function regionOfNamed(errand: Errand, asked: Asked, collections: readonly string[], outside?: string): Promise<Region | undefined> {
  const named = [...idsIn(asked.body)].filter((id) => id !== errand.projectId);
  const ids = named.length > 1 ? named.filter((id) => id !== outside) : named;
  const where = [...(await whereAre(errand, asked.service, ids, collections))];
  const [first] = where;
  const other = where.find(([, region]) => region.name !== first?.[1].name);
  if (first && other) throw new Fault(409, 'conflictingRequest', `${first[0]} is in ${first[1].name} and ${other[0]} in ${other[1].name}: what works together must be in one region.`);
  return first?.[1];
}

function withoutZone(asked: Asked): Asked {
  const entries = Object.entries(asked.body as Record<string, Record<string, unknown>>).map(([name, thing]) => [name, Object.fromEntries(Object.entries(thing).filter(([field]) => field !== 'availability_zone'))]);
  return { ...asked, body: Object.fromEntries(entries) };
}

/** What changes something that has copies changes them too; what deletes it begins with them, so that a copy in use keeps all. */
async function everywhereItIs(errand: Errand, region: Region, asked: Asked, subject: { collection: string; id: string } | undefined): Promise<{ reply: Reply; copied?: Copied }> {
  const { operation } = asked;
  if (operation.method === 'GET' || operation.method === 'HEAD' || asked.operation.body === 'stream') return { reply: await errand.relay(region, asked) };
  const copied = await copiedIds(errand);
  const { toCopies, copies } = copied;
  const deletes = operation.method === 'DELETE' && operation.path.endsWith('}');
  const named = [...idsIn(asked.params), ...idsIn(asked.body)];
  const also = errand.regions.flatMap((other) => {
    const ids = toCopies.get(other.name);
    if (!ids || other.name === region.name || !named.some((id) => ids.has(id))) return [];
    const mapped = { ...asked, params: withIds(asked.params ?? {}, ids), body: withIds(asked.body, ids) };
    // A copy of only some of what is named cannot follow.
    return named.every((id) => ids.has(id) || id === errand.projectId) ? [{ other, mapped }] : [];
  });
  if (deletes) {
    for (const { other, mapped } of also) {
      const ended = await errand.relay(other, mapped);
      if (ended.status >= 300 && ended.status !== 404) return { reply: ended, copied };
    }
    for (const copy of copies) if (copy.sourceId === subject?.id) await forgetCopy(errand, copy);
  }
  const reply = await errand.relay(region, asked);
  if (reply.status >= 300) return { reply, copied };
  if (deletes && subject && errand.caller.projectId !== null) await errand.write((tx) => forgetHandle(tx, { projectId: errand.projectId, ...subject }));
  if (!deletes) for (const { other, mapped } of also) await errand.relay(other, mapped);
  return { reply, copied };
}

/** Every region is a zone of the region that spans all. */
async function zones({ errand }: Going): Promise<Answer<unknown>> {
  return new Answer({ availabilityZoneInfo: errand.regions.map(({ name }) => ({ zoneName: name, zoneState: { available: true }, hosts: null })) });
}

function madeId({ status, body }: Reply): string | undefined {
  if (status >= 300 || typeof body !== 'object' || body === null) return undefined;
  const thing = 'id' in body ? body : (Object.values(body)[0] as unknown);
  return typeof thing === 'object' && thing !== null && 'id' in thing && typeof thing.id === 'string' ? thing.id : undefined;
}

/** With the ids that the client gave, links that lead back here, and the region as the zone. */
async function outward(errand: Errand, region: Region, reply: Reply, { base }: Incoming, copied?: Copied): Promise<Answer<unknown>> {
  if (typeof reply.body !== 'object' || reply.body === null || Symbol.asyncIterator in reply.body) return asAnswer(reply);
  const { toSources } = copied ?? (await copiedIds(errand));
  return asAnswer({ ...reply, body: here(reply.body, region, base, toSources) });
}

const zoneFields = new Set(['OS-EXT-AZ:availability_zone', 'availability_zone']);

export function here(value: unknown, region: Region, base: string, toSources: ReadonlyMap<string, string>, field = ''): unknown {
  if (typeof value === 'string') {
    if (zoneFields.has(field) && value !== '') return region.name;
    if (value.startsWith(`${region.base}/`)) return `${base}${virtualServices[0]!.root.slice(0, -compute.root.length)}${value.slice(region.base.length)}`;
    return toSources.get(value) ?? value;
  }
  if (Array.isArray(value)) return value.map((each) => here(each, region, base, toSources, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, here(each, region, base, toSources, name)]));
}
