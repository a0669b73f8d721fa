/** Room for servers that go from one host to another: both are held until it is known on which one it stays. */
import { badRequest } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { bindServerPort } from '../network/ports.ts';
import { handOverClaim, NoValidHost, releaseClaim } from '../placement/claims.ts';
import { listHosts } from '../placement/hosts.ts';
import { explain } from '../placement/scheduler/deciding.ts';
import { selectBlockDevices, selectInterfaces } from './devices.store.ts';
import { wishOf } from './scheduler-hints.ts';
import { claimInGroup } from './server-groups.ts';
import type { Compute } from './servers.ts';
import type { Left, Server } from './servers.store.ts';

type Claimed = { hostId: string; hostZone: string | null; left: Left };

/** Room on another host, for the server as it is to be; what it has is held as what it left. */
export async function claimElsewhere(compute: Compute, context: Context, server: Server, hostname: string | null, { running = false }: { /** It is not switched off for it. */ running?: boolean } = {}): Promise<Claimed> {
  const { tx, now, requestId } = context;
  const { id: consumerId, projectId, userId } = server;
  const left: Left = { hostId: server.hostId!, hostZone: server.hostZone, claimId: compute.random.uuid() };
  const apart = await hostsApart(tx, server, { running });
  await handOverClaim(tx, { from: consumerId, to: left.claimId, projectId, userId, now });
  const wish = await wishOf(tx, { ...server, resize: null }, { exclude: [left.hostId, ...apart], hostname, now });
  const { hostId, availabilityZone: hostZone } = await claimInGroup(tx, compute.scheduler, server.groupId, wish).catch((error: unknown) => {
    if (!(error instanceof NoValidHost)) throw error;
    return handOverClaim(tx, { from: left.claimId, to: consumerId, projectId, userId, now }).then(() => {
      throw badRequest(error.message);
    });
  });
  await bindPorts(tx, { serverId: consumerId, hostId, now, requestId });
  return { hostId, hostZone, left };
}

/**
 * Why its host may not have it as it is to be; null: it may. Room is not asked for, as it has its own.
 * nova/conductor/manager.py, rebuild_instance: with another image the scheduler is asked again, of this host alone.
 */
export async function refusalOfHost({ scheduler }: Compute, { tx, now }: Context, server: Server): Promise<string | null> {
  if (server.hostId === null) return null;
  const wish = await wishOf(tx, server, { exclude: [], hostname: null, now });
  const { decision, hosts } = await scheduler.judge(tx, { ...wish, vcpus: 0, memoryMiB: 0, diskGiB: 0, resources: {}, cells: undefined, same: [server.hostId], different: [], near: null });
  return hosts.length > 0 ? null : explain(decision);
}

/** Where it cannot go: to machines of their own, with volumes or disks beside its root, or while it runs. From one of these nothing goes while it runs, or with such disks. */
async function hostsApart(tx: Transaction, { id, hostId, localDisks }: Server, { running }: { running: boolean }): Promise<string[]> {
  const hosts = await listHosts(tx);
  // nova/exception.py, MigrationPreCheckError
  const isApart = hosts.find((host) => host.id === hostId)?.report.apart === true;
  if (isApart && localDisks.length > 0) throw badRequest(`Migration pre-check error: instance ${id} has disks beside its root, which are files of its host, a machine of its own, and do not leave it`);
  if (running && isApart) throw badRequest(`Migration pre-check error: the disk of instance ${id} is a file of its host, a machine of its own: it moves only when it is switched off, by a cold migration`);
  if (!running && localDisks.length === 0 && (await selectBlockDevices(tx, [id])).length === 0) return [];
  return hosts.flatMap((host) => (host.report.apart ? [host.id] : []));
}

/** It stays where it was: what was claimed elsewhere is given back. */
export async function returnTo(tx: Transaction, server: Server, { hostId, hostZone, claimId }: Left, { now, requestId }: { now: Date; requestId?: string | undefined }): Promise<Partial<Server>> {
  await releaseClaim(tx, server.id, now);
  await handOverClaim(tx, { from: claimId, to: server.id, projectId: server.projectId, userId: server.userId, now });
  await bindPorts(tx, { serverId: server.id, hostId, now, requestId });
  return { hostId, hostZone };
}

async function bindPorts(tx: Transaction, { serverId, hostId, now, requestId }: { serverId: string; hostId: string; now: Date; requestId?: string | undefined }): Promise<void> {
  for (const { portId } of await selectInterfaces(tx, [serverId])) await bindServerPort({ tx, now, requestId }, { portId, serverId, hostId });
}
