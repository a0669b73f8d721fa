/** Room for servers that go from one host to another: both are held until it is known on which one it stays. */
import { badRequest } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { bindServerPort } from '../network/ports.ts';
import { handOverClaim, NoValidHost, releaseClaim } from '../placement/claims.ts';
import { findHost } from '../placement/hosts.ts';
import { selectInterfaces } from './devices.store.ts';
import { hintedHosts } from './scheduler-hints.ts';
import { needsOf } from './server-changes.ts';
import { claimInGroup } from './server-groups.ts';
import type { Compute } from './servers.ts';
import type { Left, Server } from './servers.store.ts';

type Claimed = { hostId: string; hostZone: string | null; left: Left };

/** Room on another host, for the server as it is to be; what it has is held as what it left. */
export async function claimElsewhere(compute: Compute, context: Context, server: Server, hostname: string | null): Promise<Claimed> {
  const { tx, now, requestId } = context;
  const { id: consumerId, projectId, userId, availabilityZone } = server;
  const left: Left = { hostId: server.hostId!, hostZone: server.hostZone, claimId: compute.random.uuid() };
  await handOverClaim(tx, { from: consumerId, to: left.claimId, projectId, userId, now });
  const hinted = await hintedHosts(tx, server);
  const wish = { ...needsOf({ ...server, resize: null }), consumerId, projectId, userId, now, exclude: [left.hostId, ...hinted.exclude], availabilityZone, hostname: hostname ?? hinted.only };
  const { hostId } = await claimInGroup(tx, server.groupId, wish).catch((error: unknown) => {
    throw error instanceof NoValidHost ? badRequest(error.message) : error;
  });
  await bindPorts(tx, { serverId: consumerId, hostId, now, requestId });
  return { hostId, hostZone: (await findHost(tx, hostId))?.availabilityZone ?? null, left };
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
