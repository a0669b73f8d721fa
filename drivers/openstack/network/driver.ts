/**
 * The projection in the partner's Neutron. What is there is looked at before anything is changed, so a call whose
 * answer was lost is simply looked at again. There is no one transaction: each resource is made so by itself.
 */
import { DriverError, type NetworkDifference, type NetworkDriver, type NetworkResource as AnyResource, type NetworkResourceRef as AnyRef } from '../../driver.ts';
import { ensureMade } from '../creation.ts';
import { ours, whereIs } from '../finding.ts';
import type { Services } from '../partner.ts';
import type { Region } from '../region.ts';
import { serversOf } from '../servers.ts';
import { floatingIps } from './floating-ips.ts';
import { readNames, type Names, type NetworkKind } from './kind.ts';
import { networks } from './networks.ts';
import { isNowhere } from './nowhere.ts';
import { differing, observe, type Collection, type Facts, type Observed, type Remote } from './observation.ts';
import { ports } from './ports.ts';
import { routers } from './routers.ts';
import { securityGroups } from './security-groups.ts';

/** What a partner can be asked for. */
type NetworkResource = Exclude<AnyResource, { kind: 'port-forwarding' }>;
type Kind = NetworkResource['kind'];
type NetworkResourceRef = { kind: Kind; id: string };

/** Each before what refers to it. */
const ORDER: readonly Kind[] = ['network', 'security-group', 'port', 'router', 'floating-ip'];
/** Ports are many, and none needs another. */
const AT_ONCE = 4;
const EVERYTHING: readonly Collection[] = ['networks', 'subnets', 'securityGroups', 'ports', 'routers', 'floatingIps'];

export function networkDriver(region: Region): NetworkDriver {
  const { handles, projects, call, externalNetwork } = region;
  const kinds = { network: networks, 'security-group': securityGroups, port: ports, router: routers, 'floating-ip': floatingIps(externalNetwork) };
  // Where there is none, the network to the outside is one that nothing can be led to.
  const outside = externalNetwork ?? 'none';
  const kindOf = (kind: Kind) => kinds[kind] as NetworkKind<NetworkResource>;

  const accept = (resources: readonly (NetworkResourceRef & { generation: number })[]) => handles.accept(resources.map(({ kind, id, generation }) => ({ kind, id, generation })));

  async function ensureAll(resources: readonly NetworkResource[]): Promise<void> {
    const names = await readNames(handles);
    const seeing = [...new Set(resources.filter((each) => !isOutside(each)).flatMap(({ kind }) => [kindOf(kind).collection, ...kindOf(kind).alsoSeen]))];
    const places = new Map<string, { services: Services; seen: Observed }>();
    for (const projectId of new Set(resources.filter((each) => !isOutside(each)).map((each) => each.projectId))) {
      const services = await projects.of(projectId);
      places.set(projectId, { services, seen: await observe(services, seeing) });
    }
    for (const kind of ORDER) {
      const some = resources.filter((each) => each.kind === kind);
      await inTurns(some, kind === 'port' ? AT_ONCE : 1, async (resource) => {
        if (isOutside(resource)) await adoptOutside(resource, names);
        else await ensureBody(resource, names, places.get(resource.projectId)!);
      });
      // Rules name other groups: only now are all there.
      for (const resource of some) if (!isOutside(resource)) await ensureParts(resource, names, places.get(resource.projectId)!);
    }
  }

  async function ensureBody(resource: NetworkResource, names: Names, { services, seen }: { services: Services; seen: Observed }): Promise<void> {
    const kind = kindOf(resource.kind);
    const ref = { kind: resource.kind, id: resource.id };
    if (resource.kind === 'router' && resource.gateway && externalNetwork === null) throw new DriverError('invalid', 'This partner gives us no network to the outside');
    const needs = kind.needs(resource).find((need) => names.get(need.kind, need.id) === undefined);
    if (needs) throw new DriverError('missing', `The ${ref.kind} ${ref.id} needs the ${needs.kind} ${needs.id}, which is not there`);
    const { once, changeable } = kind.wanted(resource, names);
    let there = seen[kind.collection].find(({ id }) => id === names.get(ref.kind, ref.id));
    if (there) {
      const changed = differing(kind.shown(there), changeable);
      if (differing(kind.shown(there), once).length > 0) {
        // What can be said only once is said anew.
        await kind.remove({ region, services, seen }, there.id);
        there = undefined;
      } else if (changed.some((field) => !kind.late?.includes(field))) {
        await kind.update(services, there.id, kind.body(resource, names, changed.filter((field) => !kind.late?.includes(field))));
      }
    }
    if (!there && names.get(ref.kind, ref.id) !== undefined) await handles.forget(ref);
    const fields = [...Object.keys(once), ...Object.keys(changeable), 'floating_network_id'].filter((field) => !kind.late?.includes(field));
    const remoteId = await ensureMade(region, ref, resource.projectId, {
      find: async (tag) => (await observe(services, [kind.collection]))[kind.collection].filter((each) => each.tag === tag),
      make: (tag) => kind.create(services, { ...kind.body(resource, names, fields), ...nameOf(resource), description: tag, project_id: services.projectId }),
    });
    names.set(ref.kind, ref.id, remoteId);
  }

  async function ensureParts(resource: NetworkResource, names: Names, { services, seen }: { services: Services; seen: Observed }): Promise<void> {
    const kind = kindOf(resource.kind);
    const remoteId = names.get(resource.kind, resource.id) ?? '';
    await kind.parts?.ensure({ region, services, seen, names }, resource, remoteId);
    if (!kind.late) return;
    const there = seen[kind.collection].find(({ id }) => id === remoteId);
    const wanted = kind.wanted(resource, names).changeable;
    const fields = kind.late.filter((field) => differing(there ? kind.shown(there) : { [field]: [] }, { [field]: wanted[field] }).length > 0);
    if (fields.length > 0) await kind.update(services, remoteId, kind.body(resource, names, fields));
  }

  /** The way out is the partner's own network: named to us, never made, changed or removed by us. */
  async function adoptOutside(resource: NetworkResource, names: Names): Promise<void> {
    const { kind, id, projectId } = resource;
    if (resource.kind === 'network' && resource.otherPlaces) throw new DriverError('invalid', `The network ${id} is in several places, which this partner cannot be asked for`);
    if (resource.kind === 'network' && resource.vlan) throw new DriverError('invalid', `The network ${id} is a VLAN, which this partner cannot be asked for`);
    if (names.get(kind, id) === outside) return;
    await handles.intend({ kind, id }, projectId);
    await handles.know({ kind, id }, outside);
    names.set(kind, id, outside);
  }

  async function removeAll(resources: readonly NetworkResourceRef[]): Promise<void> {
    const sorted = ORDER.toReversed().flatMap((kind) => resources.filter((each) => each.kind === kind));
    for (const { kind: name, id } of sorted) {
      const [kind, ref] = [kindOf(name), { kind: name, id }];
      const handle = await handles.find(ref);
      if (name === 'network' && handle?.remoteId === outside) {
        await handles.forget(ref);
        continue;
      }
      for (const { services, remoteIds } of await whereIs(region, ref, async (services) => (await observe(services, [kind.collection]))[kind.collection])) {
        if (remoteIds.length === 0) continue;
        const seen = await observe(services, name === 'router' || name === 'network' ? [kind.collection, ...kind.alsoSeen] : []);
        for (const remoteId of remoteIds) await kind.remove({ region, services, seen }, remoteId);
      }
      if (handle) await handles.forget(ref);
    }
  }

  async function differences(resources: readonly NetworkResource[]): Promise<NetworkDifference[]> {
    const [names, all, known] = await Promise.all([readNames(handles), handles.list(...ORDER), projects.known()]);
    const places = await Promise.all(known.map(async ({ services }) => ({ services, seen: await observe(services, EVERYTHING) })));
    const seen = merged(places.map((place) => place.seen));
    const byId = new Map<string, Remote>();
    // A router's interfaces belong to it.
    const inner = new Set((await handles.list('router-port')).map(({ id }) => id));
    for (const kind of ORDER)
      for (const { id, thing } of ours(all, kind, seen[kindOf(kind).collection])) if (!isNowhere(id) && !inner.has(id) && !String(thing['device_owner']).startsWith('network:')) byId.set(`${kind}/${id}`, thing);

    const wrong = resources.flatMap((resource): NetworkDifference[] => {
      const [kind, ref] = [kindOf(resource.kind), { kind: resource.kind, id: resource.id }];
      if (isOutside(resource)) return names.get('network', ref.id) === outside ? [] : [{ kind: 'missing', resource: ref, detail: 'The network to the outside is not adopted' }];
      const there = byId.get(`${ref.kind}/${ref.id}`);
      if (!there) return [{ kind: 'missing', resource: ref, detail: 'It is not there' }];
      const { once, changeable } = kind.wanted(resource, names);
      const shown = kind.shown(there);
      const place = { region, services: places[0]!.services, seen, names };
      const details = [...differing(shown, { ...once, ...changeable }).map((field) => `${field} is ${text(shown, field)}, wanted ${text({ ...once, ...changeable }, field)}`), ...(kind.parts?.compare(place, resource, there.id) ?? [])];
      return details.length === 0 ? [] : [{ kind: 'differs', resource: ref, detail: details.join('; ') }];
    });

    const wanted = new Set(resources.map(({ kind, id }) => `${kind}/${id}`));
    const adopted = all.filter(({ kind, remoteId }) => kind === 'network' && remoteId === outside).map(({ id }) => `network/${id}`);
    const unwanted = [...byId.keys(), ...adopted].filter((name) => !wanted.has(name));
    return [...wrong, ...unwanted.map((name) => ({ kind: 'unwanted' as const, resource: refOf(name), detail: 'Nobody asked for it' }))];
  }

  return {
    ensure: (resources) =>
      call(resources.filter(isPossible), async () => {
        const possible = resources.filter(isPossible);
        await accept(possible);
        await ensureAll(possible);
        const other = resources.find((resource) => !isPossible(resource));
        if (other) throw new DriverError('invalid', `This partner cannot be asked for the ${other.kind} ${other.id}`);
      }),

    remove: (resources) =>
      call(resources.filter(isPossible), async () => {
        const possible = resources.filter(isPossible);
        await accept(possible);
        await removeAll(possible);
      }),

    reconcile: (resources) =>
      call(resources.filter(isPossible), async () => {
        const possible = resources.filter(isPossible);
        await accept(possible);
        const found = await differences(possible);
        await removeAll(found.filter(({ kind }) => kind === 'unwanted').map(({ resource }) => resource).filter(isPossible));
        const wrong = new Set(found.map(({ resource: { kind, id } }) => `${kind}/${id}`));
        await ensureAll(possible.filter(({ kind, id }) => wrong.has(`${kind}/${id}`)));
        return found;
      }),

    compare: (resources) => call([], async () => [...(await differences(resources.filter(isPossible))), ...resources.filter((each) => !isPossible(each)).map(notAsked)]),

    // What is changed there is seen by the next comparison.
    edits: () => Promise.resolve(0),

    // Partners tell nobody what passes their routers.
    traffic: () => Promise.resolve([]),

    portsUp: (portIds) =>
      call([], async () => {
        const asked = new Set(portIds);
        const wanted = (await handles.list('port')).filter(({ id, remoteId }) => remoteId !== null && asked.has(id));
        const up = await Promise.all(
          [...Map.groupBy(wanted, ({ projectId }) => projectId)].map(async ([projectId, some]) => {
            const services = await projects.of(projectId);
            const [seen, servers] = await Promise.all([observe(services, ['ports']), serversOf(services)]);
            const running = new Set(servers.filter(({ status }) => status === 'ACTIVE').map(({ id }) => id));
            const active = new Set(seen.ports.filter((port) => port['status'] === 'ACTIVE' && running.has(String(port['device_id']))).map(({ id }) => id));
            return some.filter(({ remoteId }) => active.has(remoteId ?? '')).map(({ id }) => id);
          }),
        );
        return up.flat();
      }),
  };
}

function isPossible<R extends AnyRef>(resource: R): resource is Extract<R, { kind: Kind }> & R {
  return resource.kind !== 'port-forwarding';
}

function notAsked({ kind, id }: AnyRef): NetworkDifference {
  return { kind: 'missing', resource: { kind, id }, detail: 'This partner cannot be asked for it' };
}

/** So many at a time; whatever was begun has ended when this ends. */
async function inTurns<T>(items: readonly T[], count: number, work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += count) {
    const results = await Promise.allSettled(items.slice(at, at + count).map(work));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

function isOutside(resource: NetworkResource): boolean {
  return resource.kind === 'network' && resource.physicalNetwork !== null;
}

/** For people there. Floating addresses have none. */
function nameOf({ kind, id }: NetworkResource): Facts {
  return kind === 'floating-ip' ? {} : { name: `intercloud-${id}` };
}

function merged(all: readonly Observed[]): Observed {
  return Object.fromEntries(EVERYTHING.map((collection) => [collection, all.flatMap((seen) => seen[collection])])) as Observed;
}

function text(facts: Facts, field: string): string {
  return JSON.stringify(facts[field]) ?? 'absent';
}

function refOf(name: string): NetworkResourceRef {
  const at = name.indexOf('/');
  return { kind: name.slice(0, at) as Kind, id: name.slice(at + 1) };
}
