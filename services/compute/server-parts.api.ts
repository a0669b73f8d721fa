import { instanceActions as actionsContract, serverAddresses as addressesContract, serverInterfaces as interfacesContract, serverMetadata as metadataContract, serverSecurityGroups as groupsContract, serverVolumes as volumesContract } from '../../contract/compute/server-parts.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { securityGroupsOfServer } from '../network/ports.ts';
import { selectActions, type Action } from './actions.store.ts';
import { showGroups } from './security-group-proxies.api.ts';
import { removeMetadata, setMetadata } from './server-actions.ts';
import { attachPort, attachVolume, detachPort, detachVolume, getServerPort, getServerVolume, listServerPorts, listServerVolumes, type BlockDevice, type ShownPort } from './server-devices.ts';
import { addressesOf, orderedPorts } from './server-view.ts';
import { getServer, type Compute } from './servers.ts';
import { asPreciseTime } from './words.ts';

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
      const { volumeId, device = null } = request.body.volumeAttachment;
      return { volumeAttachment: asAttachment(await attachVolume(compute, request, request.params.server_id, { volumeId, device })) };
    },
    async detach(request) {
      await detachVolume(compute, request, request.params.server_id, request.params.volume_id);
    },
  });
}

/** Before 2.89 its id is the volume's. */
function asAttachment({ volumeId, serverId, device }: BlockDevice) {
  return { id: volumeId, volumeId, serverId, device };
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
      const { net_id: networkId, port_id: portId, fixed_ips: fixedIps } = request.body?.interfaceAttachment ?? {};
      return { interfaceAttachment: asInterface(await attachPort(compute, request, request.params.server_id, { networkId, portId, fixedIp: fixedIps?.[0]?.ip_address })) };
    },
    async detach(request) {
      await detachPort(compute, request, request.params.server_id, request.params.port_id);
    },
  });
}

function asInterface({ networkId, portId, mac, status, addresses }: ShownPort) {
  return { net_id: networkId, port_id: portId, mac_addr: mac, port_state: status, fixed_ips: addresses.map(({ address, subnetId }) => ({ ip_address: address, subnet_id: subnetId })) };
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
    await getServer(request, id);
    return { instanceActions: (await selectActions(request.tx, id, null)).map(asAction) };
  },
  async show(request) {
    const { server_id: id, request_id: requestId } = request.params;
    await getServer(request, id);
    const [action] = await selectActions(request.tx, id, requestId);
    if (!action) throw notFound(`Action for request_id ${requestId} on instance ${id} not found`);
    return { instanceAction: { ...asAction(action), ...(request.caller.isAdmin ? { events: [asEvent(action)] } : {}) } };
  },
});

function asAction({ action, serverId, requestId, userId, projectId, startedAt, result, message }: Action) {
  return { action, instance_uuid: serverId, request_id: requestId, user_id: userId, project_id: projectId, start_time: asPreciseTime(startedAt), message: result === 'Error' ? (message ?? 'Error') : null };
}

function asEvent({ action, startedAt, finishedAt, result }: Action) {
  return { event: `compute_${action}`, start_time: asPreciseTime(startedAt), finish_time: finishedAt && asPreciseTime(finishedAt), result, traceback: null };
}
