/** Which machines are hosts of this region besides its first, and what they were given. */
import { createHash } from 'node:crypto';
import { emit } from '../../kit/events/events.ts';
import { conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { ConstraintViolation, type Transaction } from '../../kit/postgres/database.ts';
import { findHost as findProvider, listHosts as listProviders, noteGone, removeHost as removeProvider } from '../placement/hosts.ts';
import type { RegionParts } from '../parts.ts';
import { deleteGiven, deleteHost as deleteRow, insertHost, markSeen, passOver, redeemHost, renewHost, selectAllGiven, selectGiven, selectHolder, selectHost, selectHostKeys, selectHosts, upsertGiven, type Host } from './hosts.store.ts';

export type { Host } from './hosts.store.ts';
export type Invited = { host: Host; secret: string; until: Date };

const goodForMs = 3_600_000;

export function listHosts({ tx }: Pick<Context, 'tx'>): Promise<Host[]> {
  return selectHosts(tx);
}

export async function getHost({ tx }: Pick<Context, 'tx'>, id: string): Promise<Host> {
  const host = await selectHost(tx, id);
  if (!host) throw notFound(`There is no host ${id} that was invited or has joined`, 'hostNotFound');
  return host;
}

export async function inviteHost(context: Context, name: string): Promise<Invited> {
  const { tx, now, random } = context;
  const invitation = newInvitation(context);
  const known = (await listProviders(tx)).find(({ hostname }) => hostname === name);
  const id = await insertHost(tx, { id: random.uuid(), name, now, ...invitation });
  if (id === undefined || (known && known.id !== id)) throw conflict(`There is a host ${name} already`);
  await tell(context, id);
  return { host: await getHost(context, id), secret: invitation.secret, until: invitation.until };
}

/** Whoever has its key is nobody from now on. What it was given it keeps, and can be told again when it has another. */
export async function renewInvitation(context: Context, id: string): Promise<Invited> {
  await getHost(context, id);
  const invitation = newInvitation(context);
  await renewHost(context.tx, id, invitation);
  await tell(context, id);
  return { host: await getHost(context, id), secret: invitation.secret, until: invitation.until };
}

export async function removeHost(context: Context, id: string): Promise<void> {
  const { tx } = context;
  const { name, servers } = await getHost(context, id);
  const provider = await findProvider(tx, id);
  const used = provider?.inventories.some((each) => each.used > 0) ?? false;
  if (servers > 0 || used) throw conflict(`Host ${name} has ${servers === 0 ? 'claims of servers' : `${servers} servers`}: delete or shelve them first, or only take back its key: intercloud host renew ${name}`);
  try {
    await deleteRow(tx, id);
    if (provider) await removeProvider(context, provider);
  } catch (cause) {
    if (!(cause instanceof ConstraintViolation)) throw cause;
    throw conflict(`Host ${name} has just been given a server`);
  }
  await tell(context, id);
}

type Handed = Pick<RegionParts, 'database' | 'clock'>;
const scope = { kind: 'system', reason: 'the hosts that joined the region' } as const;

/** For the gate at which hosts come in. */
export function hostRegistry({ database, clock }: Handed) {
  return {
    list: async () => (await database.read(scope, selectHostKeys)).map(({ id, name, keyHash: key }) => ({ id, name, key })),
    redeem: ({ hostId, secret, key }: { hostId: string; secret: string; key: string }) =>
      database.transaction(scope, async (tx) => {
        const name = await redeemHost(tx, { id: hostId, secretHash: hashOf(secret), keyHash: key, now: clock.now() }).catch(unlessTwice);
        // The same answer whatever is wrong: nothing is learned by trying.
        if (name === undefined) throw forbidden('This token is not valid: it was used, taken back, or given too long ago. Have another one made: intercloud host token');
        await emit(tx, clock, { type: 'host.join', resource: 'host', resourceId: hostId, payload: { key_sha256: key } });
        return { name };
      }),
    seen: (ids: readonly string[]) =>
      database.transaction(scope, async (tx) => {
        const now = clock.now();
        await markSeen(tx, ids, now);
        await noteGone(tx, ids, { goneAt: null, now });
      }),
    gone: (ids: readonly string[]) => database.transaction(scope, (tx) => noteGone(tx, ids, { goneAt: clock.now(), now: clock.now() })),
  };
}

/** For whoever tells hosts what to do. */
export function hostLedger({ database }: Pick<Handed, 'database'>) {
  return {
    of: (hostId: string) => database.read(scope, (tx) => selectGiven(tx, hostId)),
    all: async () => Map.groupBy(await database.read(scope, selectAllGiven), ({ hostId }) => hostId),
    holderOf: (serverId: string) => database.read(scope, (tx) => selectHolder(tx, serverId)),
    give: (hostId: string, given: { serverId: string; portIds: readonly string[]; state: 'coming' | 'holds'; diskEpoch: number }) => database.transaction(scope, (tx) => upsertGiven(tx, hostId, given)),
    passOver: (serverId: string, hostId: string | null) => database.transaction(scope, (tx) => passOver(tx, serverId, hostId)),
    take: (hostId: string, serverId: string) => database.transaction(scope, (tx) => deleteGiven(tx, hostId, serverId)),
  };
}

function newInvitation({ now, random }: Pick<Context, 'now' | 'random'>): { secret: string; secretHash: Buffer; until: Date } {
  const secret = random.bytes(32).toString('base64url');
  return { secret, secretHash: hashOf(secret), until: new Date(now.getTime() + goodForMs) };
}

/** 256 random bits need no slow hash. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** One key is one host. */
function unlessTwice(cause: unknown): undefined {
  if (!(cause instanceof ConstraintViolation)) throw cause;
  return undefined;
}

async function tell({ tx, now, requestId }: { tx: Transaction } & Pick<Context, 'now' | 'requestId'>, id: string): Promise<void> {
  await emit(tx, { now: () => now }, { type: 'host.update', resource: 'host', resourceId: id, requestId, payload: {} });
}
