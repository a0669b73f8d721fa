import { DriverError, type NetworkDifference, type NetworkDriver, type NetworkResource, type NetworkResourceRef } from '../driver.ts';
import type { Region } from './simulated.ts';

/** `elsewhere`: the region's network is another driver's, and here is only what is plugged in. */
export function networkDriver({ state, traffic, call }: Region, { elsewhere }: { elsewhere: boolean }): NetworkDriver {
  const { database, accept, transaction } = state;
  const find = database.prepare('select spec from network where kind = ? and id = ?');
  const all = database.prepare('select kind, id, spec from network order by kind, id');
  const put = database.prepare(`
    insert into network (kind, id, spec) values (?, ?, ?) on conflict (kind, id) do update set spec = excluded.spec`);
  const drop = database.prepare('delete from network where kind = ? and id = ?');
  // A port carries traffic when it is plugged into a machine that runs where the port is bound.
  const up = database.prepare(`
    select 1 from network port
    join nics on nics.port_id = coalesce(port.spec ->> '$.trunk.parentId', port.id)
    join servers on servers.id = nics.server_id
    where port.kind = 'port' and port.id = ? and servers.power = 'running'
      and port.spec ->> '$.adminUp' = 1 and coalesce(port.spec ->> '$.hostId', servers.host_id) = servers.host_id`);
  const plugged = database.prepare(`select 1 from nics join servers on servers.id = nics.server_id where nics.port_id = ? and servers.power = 'running'`);

  function putAll(resources: NetworkResource[]): void {
    for (const resource of resources) put.run(resource.kind, resource.id, JSON.stringify(resource));
    for (const resource of resources)
      for (const { kind, id } of needsOf(resource))
        if (!find.get(kind, id)) throw new DriverError('missing', `The ${resource.kind} ${resource.id} needs the ${kind} ${id}, which is not there`);
  }

  function compare(resources: NetworkResource[]): NetworkDifference[] {
    const found = new Map(all.all().map(({ kind, id, spec }) => [`${kind}/${id}`, { kind, id, spec: String(spec) }]));
    const wanted = new Set(resources.map(nameOf));
    const unwanted = [...found]
      .filter(([name]) => !wanted.has(name))
      .map(([, { kind, id }]) => ({ kind: 'unwanted' as const, resource: { kind, id } as NetworkResourceRef, detail: 'Nobody asked for it' }));
    const others = resources.flatMap((resource): NetworkDifference[] => {
      const { kind, id } = resource;
      const is = found.get(nameOf(resource));
      if (!is) return [{ kind: 'missing', resource: { kind, id }, detail: 'It is not there' }];
      const detail = differingFields(JSON.parse(is.spec) as NetworkResource, resource);
      return detail ? [{ kind: 'differs', resource: { kind, id }, detail }] : [];
    });
    return [...others, ...unwanted];
  }

  // A generation that has been seen stays seen even when the change that it came with was refused.
  function acceptAll(resources: (NetworkResourceRef & { generation: number })[]): void {
    transaction(() => resources.forEach((resource) => accept(nameOf(resource), resource.generation)));
  }

  return {
    ensure: (resources) =>
      call('networks.ensure', resources.map(nameOf), () => {
        acceptAll(resources);
        transaction(() => putAll(resources));
      }),

    remove: (resources) =>
      call('networks.remove', resources.map(nameOf), () => {
        acceptAll(resources);
        transaction(() => resources.forEach(({ kind, id }) => drop.run(kind, id)));
      }),

    reconcile: (resources) =>
      call('networks.reconcile', 'all', () => {
        acceptAll(resources);
        return transaction(() => {
          const differences = compare(resources);
          for (const { kind, resource } of differences) if (kind === 'unwanted') drop.run(resource.kind, resource.id);
          putAll(resources);
          return differences;
        });
      }),

    compare: (resources) => call('networks.compare', [], () => compare(resources)),

    edits: () => call('networks.edits', [], () => 0),

    traffic: () => call('networks.traffic', [], traffic.read),

    portsUp: (portIds) => call('networks.portsUp', [], () => portIds.filter((id) => (elsewhere ? plugged : up).get(id))),
  };
}

/** What must be there, in the same batch or from before, as an engine refers to it by name. */
function needsOf(resource: NetworkResource): NetworkResourceRef[] {
  switch (resource.kind) {
    case 'network':
    case 'security-group':
      return [];
    case 'router':
      return [...resource.interfaces, ...(resource.gateway ? [resource.gateway] : []), ...(resource.otherGateways ?? [])].map(({ networkId }) => ({ kind: 'network', id: networkId }));
    case 'floating-ip':
      return [{ kind: 'router', id: resource.routerId }];
    case 'port-forwarding':
      return [{ kind: 'router', id: resource.routerId }, ...resource.networkIds.map((id) => ({ kind: 'network' as const, id }))];
    case 'port':
      return [{ kind: 'network', id: resource.networkId }, ...resource.securityGroups.map((id) => ({ kind: 'security-group' as const, id }))];
    default:
      return resource satisfies never;
  }
}

/** Generations say when something was wanted, not what. */
function differingFields(is: NetworkResource, wanted: NetworkResource): string {
  const [before, after] = [new Map(Object.entries(is)), new Map(Object.entries(wanted))];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((field) => field !== 'generation' && canonical(before.get(field)) !== canonical(after.get(field)))
    .map((field) => `${field} is ${canonical(before.get(field))}, wanted ${canonical(after.get(field))}`)
    .join('; ');
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      inner !== null && typeof inner === 'object' && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).toSorted(([one], [other]) => (one < other ? -1 : 1)))
        : inner,
    ) ?? 'absent'
  );
}

function nameOf({ kind, id }: NetworkResourceRef): string {
  return `${kind}/${id}`;
}
