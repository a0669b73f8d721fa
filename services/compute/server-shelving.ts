/** Giving a server's host to others while nobody needs it, and taking one again. nova/compute/api.py, shelve and unshelve */
import { badRequest, conflict, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { listHosts } from '../placement/hosts.ts';
import { changeable, startWork, usable } from './server-actions.ts';
import { changeServer } from './server-changes.ts';
import { reserveImage } from './server-images.ts';
import { shelveServerWorkflow, unshelveServerWorkflow } from './server-shelving.workflow.ts';
import type { Compute } from './servers.ts';
import type { Server } from './servers.store.ts';

/** Its host is given away at once: nova/conf/compute.py, shelved_offload_time */
export async function shelveServer(compute: Compute, context: Context, id: string): Promise<void> {
  const server = await usable(context, id, 'shelve');
  const image = server.rootImage === null ? null : await reserveImage(context, server, { name: `${server.name}-shelved`, metadata: {} }, { image_type: 'snapshot' });
  const changed = await change(context, server, { taskState: 'shelving', power: 'stopped' }, 'server.shelve.start');
  await startWork(compute, context, changed, 'shelve', shelveServerWorkflow, { imageId: image?.id ?? '', upload: image?.upload ?? '' });
}

export async function offloadServer(compute: Compute, context: Context, id: string): Promise<void> {
  const server = await usable(context, id, 'shelveOffload');
  const changed = await change(context, server, { taskState: 'shelving_offloading' }, 'server.shelve_offload.start');
  await startWork(compute, context, changed, 'shelveOffload', shelveServerWorkflow, { imageId: '', upload: '' });
}

export type UnshelveWish = {
  /** Null: whichever, from now on; undefined: as before. */
  availabilityZone: string | null | undefined;
  host: string | undefined;
};

export async function unshelveServer(compute: Compute, context: Context, id: string, { availabilityZone, host: hostname }: UnshelveWish): Promise<void> {
  const server = await changeable(context, id, 'unshelve');
  if (hostname !== undefined && !context.caller.isAdmin) throw forbidden("Policy doesn't allow os_compute_api:os-shelve:unshelve_to_host to be performed.");
  if ((availabilityZone !== undefined || hostname !== undefined) && server.vmState !== 'shelved_offloaded')
    throw conflict(`Specifying an availability zone or a host when unshelving server "${id}" with status "${server.vmState}" is not supported. The server status must be SHELVED_OFFLOADED.`);
  const zone = availabilityZone === undefined ? server.availabilityZone : availabilityZone;
  if (availabilityZone !== undefined || hostname !== undefined) {
    const hosts = await listHosts(context.tx);
    if (availabilityZone && !hosts.some((each) => each.availabilityZone === availabilityZone)) throw badRequest(`The requested availability zone: ${availabilityZone} is not available`);
    const host = hosts.find((each) => each.hostname === hostname);
    if (hostname !== undefined && !host) throw badRequest(`Compute host ${hostname} could not be found.`);
    if (host && zone !== null && host.availabilityZone !== zone) throw conflict(`Host "${hostname}" is not in the availability zone "${zone}".`);
  }
  const changed = await change(context, server, { taskState: 'unshelving', power: 'running', availabilityZone: zone, onlyHostname: hostname ?? null }, 'server.unshelve.start');
  await startWork(compute, context, changed, 'unshelve', unshelveServerWorkflow, {});
}

function change({ tx, now, requestId }: Context, server: Server, changes: Partial<Server>, event: string): Promise<Server> {
  return changeServer(tx, { now: () => now }, server, changes, { event, requestId, intent: true });
}
