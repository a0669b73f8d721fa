import {
  instanceActions as actionsContract,
  serverAddresses as addressesContract,
  serverDiagnostics as diagnosticsContract,
  serverInterfaces as interfacesContract,
  serverMetadata as metadataContract,
  serverPassword as passwordContract,
  serverSecurityGroups as groupsContract,
  serverTags as tagsContract,
  serverTopology as topologyContract,
  serverVolumes as volumesContract,
} from '../../contract/compute/server-parts.ts';
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import { Answer, implement, type Context } from '../../kit/http/implement.ts';
import { securityGroupsOfServer } from '../network/ports.ts';
import { cellClaimsOf, cellsOf, type CellClaim } from '../placement/cells.ts';
import { findHost } from '../placement/hosts.ts';
import { selectActions, type Action } from './actions.store.ts';
import { showGroups } from './security-group-proxies.api.ts';
import { selectBlockDevices } from './devices.store.ts';
import { mostPerPage, nextLinks } from './lists.ts';
import { mostTags, removeMetadata, setMetadata, setTags } from './server-actions.ts';
import { noServer } from './server-changes.ts';
import { attachPort, attachVolume, changeServerVolume, detachPort, detachVolume, getServerPort, getServerVolume, listServerPorts, listServerVolumes, type BlockDevice, type ShownPort } from './server-devices.ts';
import { demandState } from './server-states.ts';
import { addressesOf, hostIdOf, orderedPorts } from './server-view.ts';
import { getServer, type Compute, type Server } from './servers.ts';
import { findAnyServer } from './servers.store.ts';
import { asPreciseTime, readTime, truth } from './words.ts';

export function serverMetadataApi(compute: Compute) {
  return implement(metadataContract, {
    async list(request) {
      return { metadata: (await getServer(request, request.params.server_id)).metadata };
    },
    async merge(request) {
      return { metadata: await setMetadata(compute, request, request.params.server_id, request.body.metadata, 'merge') };
    },
    async replace(request) {
      return { metadata: await setMetadata(compute, request, request.params.server_id, request.body.metadata, 'replace') };
    },
    async show(request) {
      const value = (await getServer(request, request.params.server_id)).metadata[request.params.key];
      if (value === undefined) throw notFound('Metadata item was not found');
      return { meta: { [request.params.key]: value } };
    },
    async set(request) {
      const { server_id: id, key } = request.params;
      const value = request.body.meta[key];
      if (value === undefined) throw badRequest('Request body and URI mismatch');
      await setMetadata(compute, request, id, { [key]: value }, 'merge');
      return { meta: { [key]: value } };
    },
    async delete(request) {
      await removeMetadata(compute, request, request.params.server_id, request.params.key);
    },
  });
}

export function serverVolumesApi(compute: Compute) {
  return implement(volumesContract, {
    async list(request) {
      const { limit, offset = 0 } = request.query;
      const devices = await listServerVolumes(request, request.params.server_id);
      return { volumeAttachments: devices.slice(offset, limit === undefined ? undefined : offset + limit).map(asAttachment) };
    },
    async show(request) {
      return { volumeAttachment: asAttachment(await getServerVolume(request, request.params.server_id, request.params.volume_id)) };
    },
    async attach(request) {
      const { volumeId, device = null, tag = null, delete_on_termination: goes = false, single = false, placed = false } = request.body.volumeAttachment;
      const made = await attachVolume(compute, request, request.params.server_id, { volumeId, device, tag, deleteOnTermination: truth(goes), single, placed });
      return { volumeAttachment: { id: volumeId, ...asAttached(made) } };
    },
    async update(request) {
      const { volumeId, device, tag, delete_on_termination: goes, serverId, id } = request.body.volumeAttachment;
      await changeServerVolume(request, request.params.server_id, request.params.volume_id, { volumeId, deleteOnTermination: goes === undefined ? undefined : truth(goes), device, tag, serverId, id });
    },
    async detach(request) {
      await detachVolume(compute, request, request.params.server_id, request.params.volume_id, request.query.placed === true);
    },
  });
}

function asAttached({ volumeId, serverId, device, tag, deleteOnTermination }: BlockDevice) {
  return { volumeId, serverId, device, tag, delete_on_termination: deleteOnTermination };
}

/** Before 2.89 its id is the volume's. */
function asAttachment(attached: BlockDevice) {
  return { id: attached.volumeId, ...asAttached(attached), attachment_id: attached.attachmentId, bdm_uuid: attached.id };
}

export function serverInterfacesApi(compute: Compute) {
  return implement(interfacesContract, {
    async list(request) {
      return { interfaceAttachments: (await listServerPorts(request, request.params.server_id)).map(asInterface) };
    },
    async show(request) {
      return { interfaceAttachment: asInterface(await getServerPort(request, request.params.server_id, request.params.port_id)) };
    },
    async attach(request) {
      const { net_id: networkId, port_id: portId, fixed_ips: fixedIps, tag = null } = request.body?.interfaceAttachment ?? {};
      return { interfaceAttachment: asInterface(await attachPort(compute, request, request.params.server_id, { networkId, portId, fixedIp: fixedIps?.[0]?.ip_address, tag })) };
    },
    async detach(request) {
      await detachPort(compute, request, request.params.server_id, request.params.port_id);
    },
  });
}

function asInterface({ networkId, portId, mac, status, addresses, tag }: ShownPort) {
  return { net_id: networkId, port_id: portId, mac_addr: mac, port_state: status, fixed_ips: addresses.map(({ address, subnetId }) => ({ ip_address: address, subnet_id: subnetId })), tag };
}

type Plain = Record<string, { version: number; addr: string }[]>;

export const serverAddresses = implement(addressesContract, {
  async list(request) {
    return { addresses: await plainAddresses(request, request.params.server_id) };
  },
  async show(request) {
    const label = request.params.network_label;
    const found = (await plainAddresses(request, request.params.server_id))[label];
    if (!found) throw notFound('Instance is not a member of specified network');
    return { [label]: found };
  },
});

async function plainAddresses(request: Context, id: string): Promise<Plain> {
  const server = await getServer(request, id);
  const ports = (await orderedPorts(request, [id])).get(id) ?? [];
  return Object.fromEntries(Object.entries(addressesOf({ ...server, vmState: 'active' }, ports)).map(([name, list]) => [name, list.map(({ version, addr }) => ({ version, addr }))]));
}

export const serverSecurityGroups = implement(groupsContract, {
  async list(request) {
    await getServer(request, request.params.server_id);
    return { security_groups: await showGroups(request, await securityGroupsOfServer(request, request.params.server_id)) };
  },
});

export const instanceActions = implement(actionsContract, {
  async list(request) {
    const { server_id: id } = request.params;
    const { limit, marker, 'changes-since': since, 'changes-before': before } = request.query;
    await actedOn(request, id, request.query.living === true);
    const [changedSince, changedBefore] = [readTime(since, 'changes-since'), readTime(before, 'changes-before')];
    if (changedSince && changedBefore && changedBefore < changedSince) throw badRequest('The value of changes-since must be less than or equal to changes-before.');
    if (marker !== undefined && (await selectActions(request.tx, id, { requestId: marker })).length === 0) throw badRequest(`marker [${marker}] not found`);
    const most = Math.min(limit ?? mostPerPage, mostPerPage);
    const found = await selectActions(request.tx, id, { changedSince, changedBefore, afterRequestId: marker, limit: most + 1 });
    const page = found.slice(0, most);
    const last = page.at(-1);
    const links = found.length > most && last ? nextLinks(request.page({ marker: last.requestId })) : undefined;
    return { instanceActions: page.map(asAction), ...(links ? { links } : {}) };
  },
  async show(request) {
    const { server_id: id, request_id: requestId } = request.params;
    const server = await actedOn(request, id, request.query.living === true);
    const [action] = await selectActions(request.tx, id, { requestId });
    if (!action) throw notFound(`Action for request_id ${requestId} on instance ${id} not found`);
    const host = request.caller.isAdmin && action.hostId !== null ? ((await findHost(request.tx, action.hostId))?.hostname ?? action.hostId) : null;
    return { instanceAction: { ...asAction(action), events: [asEvent(action, server, request.caller.isAdmin, host)] } };
  },
});

/** Those who could see it may also see what was done to it after it is deleted. */
async function actedOn({ tx }: Pick<Context, 'tx'>, id: string, living: boolean): Promise<Server> {
  const server = await (living ? getServer({ tx }, id) : findAnyServer(tx, id));
  if (!server) throw noServer(id);
  return server;
}

function asAction({ action, serverId, requestId, userId, projectId, startedAt, updatedAt, result, message }: Action) {
  return { action, instance_uuid: serverId, request_id: requestId, user_id: userId, project_id: projectId, start_time: asPreciseTime(startedAt), updated_at: asPreciseTime(updatedAt), message: result === 'Error' ? (message ?? 'Error') : null };
}

/** What an engine said is for administrators; what it came to, for all. */
function asEvent({ action, startedAt, finishedAt, result, message, hostId }: Action, { projectId }: Server, isAdmin: boolean, host: string | null) {
  return {
    event: `compute_${action}`,
    start_time: asPreciseTime(startedAt),
    finish_time: finishedAt && asPreciseTime(finishedAt),
    result,
    hostId: hostIdOf({ hostId, projectId }),
    ...(isAdmin ? { traceback: null, host } : {}),
    details: result === 'Error' ? message : null,
  };
}

export const serverTags = implement(tagsContract, {
  async list(request) {
    return { tags: (await getServer(request, request.params.server_id)).tags };
  },
  async replace(request) {
    return { tags: await setTags(request, request.params.server_id, 'update tags', () => request.body.tags) };
  },
  async clear(request) {
    await setTags(request, request.params.server_id, 'delete tags', () => []);
  },
  async has(request) {
    const { server_id: id, tag } = request.params;
    if (!(await getServer(request, id)).tags.includes(tag)) throw noTag(id, tag);
  },
  async add(request) {
    const { server_id: id, tag } = request.params;
    if (!/^[^,/]{1,60}$/u.test(tag)) throw badRequest(`Tag '${tag}' is invalid. It must be a non empty string without characters '/' and ','.`);
    const before = (await getServer(request, id)).tags;
    await setTags(request, id, 'update tag', (tags) => {
      if (tags.length >= mostTags) throw badRequest(`The number of tags exceeded the per-server limit ${mostTags}`);
      return [...tags, tag];
    });
    return before.includes(tag) ? new Answer(undefined, { status: 204 }) : new Answer(undefined, { headers: { location: request.url(`/servers/${id}/tags/${encodeURIComponent(tag)}`) } });
  },
  async remove(request) {
    const { server_id: id, tag } = request.params;
    await setTags(request, id, 'delete tag', (tags) => {
      if (!tags.includes(tag)) throw notFound(`Instance ${id} has no tag '${tag}'`);
      return tags.filter((each) => each !== tag);
    });
  },
});

function noTag(id: string, tag: string) {
  return notFound(`Server ${id} has no tag '${tag}'`);
}

export const serverDiagnostics = implement(diagnosticsContract, {
  async show(request) {
    const server = await getServer(request, request.params.server_id);
    demandState(server, 'get_diagnostics');
    if (server.hostId === null) throw conflict(`Instance ${server.id} is not ready`);
    const [devices, ports] = await Promise.all([selectBlockDevices(request.tx, [server.id]), orderedPorts(request, [server.id])]);
    const nics = ports.get(server.id) ?? [];
    const disks = devices.length + server.localDisks.length + (server.rootImage === null ? 0 : 1);
    return {
      state: server.power,
      driver: 'libvirt',
      hypervisor: null,
      hypervisor_os: null,
      uptime: null,
      config_drive: server.configDrive !== '',
      num_cpus: server.flavor.vcpus,
      num_nics: nics.length,
      num_disks: disks,
      memory_details: { maximum: server.flavor.memoryMiB, used: null },
      cpu_details: Array.from({ length: server.flavor.vcpus }, (_, id) => ({ id, time: null, utilisation: null })),
      nic_details: nics.map(({ mac }) => ({ mac_address: mac, rx_octets: null, rx_errors: null, rx_drop: null, rx_packets: null, rx_rate: null, tx_octets: null, tx_errors: null, tx_drop: null, tx_packets: null, tx_rate: null })),
      disk_details: Array.from({ length: disks }, () => ({ read_bytes: null, read_requests: null, write_bytes: null, write_requests: null, errors_count: null })),
    };
  },
});

export const serverTopology = implement(topologyContract, {
  async show(request) {
    const { id, flavor, imageProperties } = await getServer(request, request.params.server_id);
    // Nova too tells of none that nobody asked for.
    const cells = cellsOf(flavor, imageProperties) === undefined ? [] : await cellClaimsOf(request.tx, id);
    const { isAdmin } = request.caller;
    return { nodes: cells.map((each) => asNode(each, isAdmin)), pagesize_kb: null };
  },
});

/** Where on its host it lies is for administrators: nova/policies/server_topology.py */
function asNode({ cell, vcpus, memoryMiB, processors }: CellClaim, isAdmin: boolean) {
  return { vcpu_set: vcpus, siblings: [], memory_mb: memoryMiB, ...(isAdmin ? { host_node: cell, cpu_pinning: processors } : {}) };
}

export const serverPassword = implement(passwordContract, {
  async show(request) {
    await getServer(request, request.params.server_id);
    // Guests have nowhere to tell it.
    return { password: '' };
  },
  async clear(request) {
    await getServer(request, request.params.server_id);
  },
});
