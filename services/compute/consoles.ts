/** Who may see a server's screen and type at its serial line: nova/compute/manager.py, get_vnc_console; nova/console/websocketproxy.py. */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { DriverError, type ConsoleKind } from '../../drivers/driver.ts';
import { badRequest, conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { SocketRoute } from '../../kit/http/sockets.ts';
import type { RegionParts } from '../parts.ts';
import { deleteExpiredConsoleTokens, findConsoleToken, insertConsoleToken, useConsoleToken, type ConsoleToken } from './consoles.store.ts';
import { demandState } from './server-states.ts';
import { getServer } from './servers.ts';
import { findServer } from './servers.store.ts';

/** Where consoles are reached, below the address of the cloud. */
export const consolePath = '/compute/console';
const streamPath = `${consolePath}/stream`;

/** nova.conf, [consoleauth] token_ttl */
const servesMs = 600_000;

/** By Nova's names of the ways to see one. Of the others none is offered: spice, rdp and mks have no screen here. */
const kinds: Record<string, ConsoleKind> = { novnc: 'vnc', serial: 'serial' };
const offered: Record<string, string> = { vnc: 'novnc', serial: 'serial' };

export type ConsoleView = { type: string; url: string };

/** The address holds a token, which is good once. */
export async function openConsole(context: Context & { base: string }, { serverId, protocol, type }: { serverId: string; protocol: string; type: string }): Promise<ConsoleView> {
  const { tx, now, random, caller, base } = context;
  const server = await getServer(context, serverId);
  demandState(server, 'get_vnc_console');
  if (offered[protocol] === undefined) throw badRequest(`Unavailable console type ${protocol === 'rdp' ? 'rdp' : type}.`);
  if (offered[protocol] !== type) throw badRequest(`Invalid console type ${type}`);
  if (server.hostId === null) throw conflict('Instance not yet ready');
  const token = random.bytes(32).toString('base64url');
  const { origin } = new URL(base);
  await deleteExpiredConsoleTokens(tx, now);
  await insertConsoleToken(tx, { digest: digestOf(token), projectId: server.projectId, userId: caller.userId, serverId, hostId: server.hostId, kind: kinds[type]!, origin, expiresAt: new Date(now.getTime() + servesMs) });
  const stream = `${streamPath}?token=${token}`;
  return { type, url: type === 'serial' ? `${base.replace(/^http/, 'ws')}${stream}` : `${base}${consolePath}/vnc.html?path=${encodeURIComponent(stream.slice(1))}` };
}

/** What a token that is still good would open. */
export async function consoleOf({ tx, now }: Pick<Context, 'tx' | 'now'>, token: string): Promise<ConsoleToken> {
  const found = await findConsoleToken(tx, digestOf(token), now);
  if (!found) throw notFound('Token not found');
  return found;
}

/** Joins whoever comes with a token to the console that it is for, if the server is where it was, and a browser's page is one of ours (ATTACKS 24). */
export function consoleSocket({ database, driver, clock }: Pick<RegionParts, 'database' | 'driver' | 'clock'>): SocketRoute {
  return {
    path: streamPath,
    async open({ query, origin }): Promise<Duplex> {
      const refused = forbidden('The token is unknown, too old or used: ask for another console.');
      const digest = digestOf(query.get('token') ?? '');
      const whose = { kind: 'system', reason: 'the token says whose console it is for' } as const;
      const { serverId, hostId, kind } = await database.transaction(whose, async (tx) => {
        const now = clock.now();
        const known = await findConsoleToken(tx, digest, now);
        // A page of somebody else's does not use the token up.
        if (!known || (origin !== undefined && origin !== known.origin)) throw refused;
        const token = await useConsoleToken(tx, digest, now);
        const server = token && (await findServer(tx, token.serverId));
        if (!token || server?.hostId !== token.hostId) throw refused;
        return token;
      });
      try {
        return await driver.consoles.open({ serverId, hostId, kind });
      } catch (error) {
        if (error instanceof DriverError && (error.kind === 'missing' || error.kind === 'invalid')) throw conflict(`Server ${serverId} shows no console now.`);
        throw error;
      }
    },
  };
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
