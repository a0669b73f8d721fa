/** One request to the region that spans all, and finding where the things are that it names. */
import type { Service } from '../../../contract/contract.ts';
import { virtualServices } from '../../../contract/virtual.ts';
import { compute } from '../../../contract/compute/service.ts';
import { image } from '../../../contract/image/service.ts';
import { network } from '../../../contract/network/service.ts';
import { volume } from '../../../contract/volume/service.ts';
import { Fault } from '../../../kit/fault.ts';
import type { Call } from '../../../kit/http/implement.ts';
import type { Transaction } from '../../../kit/postgres/database.ts';
import type { HomeParts } from '../../parts.ts';
import { regionsOffered } from '../../brand/brands.ts';
import { customerOf } from '../../home-link/admittance.ts';
import { findHandle, findHandles, keepHandle } from '../handles.store.ts';
import { listRegions, type Region } from '../regions.ts';
import { showOf } from './collections.ts';
import { relayAs, Unanswered, type Relay, type Reply } from './relay.ts';

export type VirtualParts = Pick<HomeParts, 'database' | 'clock' | 'random' | 'log'> & {
  fetch: typeof fetch;
  /** The home's own region: what belongs to no other place in particular is there. */
  anchor: string;
};

export type Errand = Call & {
  readonly projectId: string;
  readonly regions: readonly Region[];
  readonly anchor: Region;
  readonly relay: Relay;
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
};

/** The services of the regions, in the order of `virtualServices`. */
export const regionServices: readonly Service[] = [compute, image, volume, network];

export function regionServiceOf(spanning: Service): Service {
  return regionServices[virtualServices.indexOf(spanning)]!;
}

export async function startErrand(parts: VirtualParts, request: Call & { signal: AbortSignal }): Promise<Errand> {
  const { caller } = request;
  const projectId = caller.projectId ?? '';
  const scope = caller.projectId === null ? ({ kind: 'system', reason: 'a caller without a project looks where regions are' } as const) : ({ kind: 'project', projectId } as const);
  const domainId = customerOf(caller);
  // Of regions that are not offered to the caller nothing is asked, and nothing is told.
  const [all, offered] = await parts.database.read(scope, async (tx) => [await listRegions(tx), await regionsOffered(tx, domainId)] as const);
  const regions = all.filter(({ name }) => offered === null || offered.has(name));
  const anchor = regions.find(({ name }) => name === parts.anchor) ?? regions[0];
  if (!anchor) throw new Fault(503, 'serviceUnavailable', 'There is no region yet.');
  return {
    caller,
    requestId: request.requestId,
    now: request.now,
    random: request.random,
    projectId,
    regions,
    anchor,
    relay: relayAs(caller.token, { fetch: parts.fetch, signal: request.signal }),
    read: (work) => parts.database.read(scope, work),
    write: (work) => parts.database.transaction(scope, work),
  };
}

export function regionNamed({ regions }: Errand, name: string): Region | undefined {
  return regions.find((region) => region.name === name);
}

/** The region in which this thing is: as remembered, or because it is found there now. */
export async function whereIs(errand: Errand, service: Service, collection: string, id: string): Promise<Region | undefined> {
  const { projectId, regions, caller } = errand;
  if (regions.length === 1 || caller.projectId === null) return errand.anchor;
  const known = await errand.read((tx) => findHandle(tx, { projectId, collection, id }));
  const region = known === undefined ? undefined : regionNamed(errand, known);
  if (region) return region;
  const found = await look(errand, service, collection, id);
  if (found) await remember(errand, collection, id, found.region);
  return found?.region;
}

/** Which of these ids are in which region: those that nobody remembers are looked for in every collection of the service. */
export async function whereAre(errand: Errand, service: Service, ids: readonly string[], collections: readonly string[]): Promise<Map<string, Region>> {
  const where = new Map<string, Region>();
  if (ids.length === 0) return where;
  const known = await errand.read((tx) => findHandles(tx, errand.projectId, ids));
  for (const id of ids) {
    const handle = known.get(id);
    const region = handle && regionNamed(errand, handle.region);
    if (region) where.set(id, region);
    else
      for (const collection of collections) {
        const found = await look(errand, service, collection, id);
        if (!found) continue;
        await remember(errand, collection, id, found.region);
        where.set(id, found.region);
        break;
      }
  }
  return where;
}

export async function remember(errand: Errand, collection: string, id: string, region: Region): Promise<void> {
  if (errand.caller.projectId === null) return;
  await errand.write((tx) => keepHandle(tx, { projectId: errand.projectId, collection, id, region: region.name }, errand.now));
}

/** The thing as the region shows it that has it. */
export async function look(errand: Errand, service: Service, collection: string, id: string): Promise<{ region: Region; reply: Reply } | undefined> {
  const operation = showOf(service, collection);
  if (!operation) return undefined;
  const parameter = /\{(\w+)\}/.exec(operation.path)![1]!;
  const replies = await everywhere(errand.regions, (region) => errand.relay(region, { service, operation, params: { [parameter]: id } }));
  return replies.answered.find(({ reply }) => reply.status === 200);
}

/** All regions at once; those that did not answer are named. */
export async function everywhere<T>(regions: readonly Region[], ask: (region: Region) => Promise<T>): Promise<{ answered: { region: Region; reply: T }[]; silent: string[] }> {
  const silent: string[] = [];
  const answered = await Promise.all(
    regions.map(async (region) => {
      try {
        return [{ region, reply: await ask(region) }];
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        silent.push(region.name);
        return [];
      }
    }),
  );
  return { answered: answered.flat(), silent };
}
