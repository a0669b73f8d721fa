/**
 * The hosts of a region as one driver: the first machine's, whose agent has the networks and the volumes as well, and those
 * that have joined, each by the connection that it holds. What a host that has joined says is believed only of itself, and only
 * of machines that it was given (ATTACKS 41): whoever has stolen its key can speak for nothing else.
 */
import { DriverError, type Driver, type HostReport, type NetworkResource, type NetworkSpec, type ServerSpec, type ServerState, type VettedImage } from '../drivers/driver.ts';
import type { Random } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import { hostReportOf, serverStatesIn } from './claims.ts';
import type { Grants } from './grants.ts';
import type { Passage } from './passage.ts';

/** A host besides the first machine's, whether it is connected or not. */
export type Member = { id: string; name: string; /** Undefined while it is not connected. */ driver: Driver | undefined };

export type Members = { all(): readonly Member[]; find(id: string): Member | undefined };

/** A machine that a host was given, with what else of the region's it may speak of. */
export type Given = { serverId: string; portIds: readonly string[] };

/** `holds`: its disk is there, as one host's at a time; `coming`: it is being brought there; `lost`: it went elsewhere, and what is left of it there is to be removed. */
export type Entry = Given & { state: 'coming' | 'holds' | 'lost'; /** As the specification counts it. */ diskEpoch: number };

/** What each host that has joined was given: written before it is told, and taken out when it has removed it. */
export type Ledger = {
  of(hostId: string): Promise<readonly Entry[]>;
  /** Of each host that was given any, by its id: who asks every host does not ask for each. */
  all(): Promise<ReadonlyMap<string, readonly Entry[]>>;
  /** Which of them has it. */
  holderOf(serverId: string): Promise<{ hostId: string; diskEpoch: number } | undefined>;
  give(hostId: string, entry: Entry & { state: 'coming' | 'holds' }): Promise<void>;
  /** In one moment all others lose it, and this one has it; null: the region's first machine. */
  passOver(serverId: string, hostId: string | null): Promise<void>;
  take(hostId: string, serverId: string): Promise<void>;
};

export type FleetOptions = { first: Driver; members: Members; ledger: Ledger; grants: Grants; passage: Passage; random: Pick<Random, 'uuid'>; log: Log; /** How long the region waits for a host when it asks all. */ listWithinMs?: number };

/** It was asked to power off before, if it was to be asked. */
const quietWithinSeconds = 10;

export function fleetDriver({ first, members, ledger, grants, passage, random, log, listWithinMs = 5_000 }: FleetOptions): Driver {
  /** As the region last said: a host is told of those that its servers are on. After a start the region's next comparison says them all. */
  const networks = new Map<string, NetworkSpec>();
  const learn = (resources: readonly NetworkResource[]): void => {
    for (const each of resources) if (each.kind === 'network' && each.generation >= (networks.get(each.id)?.generation ?? 0)) networks.set(each.id, each);
  };

  /** The first machine's driver knows its own hosts, and says so of those that nobody has. */
  const driverOf = (hostId: string): Driver => {
    const member = members.find(hostId);
    return member ? connected(member) : first;
  };

  /** What a host does not say in time, it does not say. */
  async function asked<T>(member: Member, question: (driver: Driver) => Promise<T>): Promise<T | undefined> {
    if (!member.driver) return undefined;
    try {
      return await within(listWithinMs, question(member.driver));
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      log.warn({ hostId: member.id, host: member.name, err: error }, 'a host does not say what it has');
      return undefined;
    }
  }

  async function reportOf(member: Member): Promise<HostReport[]> {
    const said = await asked(member, (driver) => driver.hosts.list());
    if (said === undefined) return [];
    const { report, foreign } = hostReportOf(member, said);
    if (foreign.length > 0) log.error({ hostId: member.id, host: member.name, foreign }, 'a host speaks for others, and is not heard: its key may have been stolen');
    return report ? [report] : [];
  }

  async function machinesOfAll(): Promise<ServerState[]> {
    const each = members.all();
    const before = await ledger.all();
    const said = await Promise.all(each.map((member) => asked(member, (driver) => driver.servers.list())));
    // Some come and some go while they answer.
    const after = await ledger.all();
    return each.flatMap((member, index) => machinesIn(member, said[index], [...(before.get(member.id) ?? []), ...(after.get(member.id) ?? [])]));
  }

  function machinesIn(member: Member, said: unknown, entries: readonly Entry[]): ServerState[] {
    const given = new Map(entries.map((entry) => [entry.serverId, entry]));
    const isThere = (id: string) => given.get(id)?.state === 'holds';
    // Neither there nor gone: nobody is to mend it, and nobody is to wait for it.
    if (said === undefined) return [...given.keys()].filter(isThere).map((id) => ({ id, hostId: member.id, generation: 0, power: 'unknown', volumes: [], nics: [] }));
    const { states, foreign } = serverStatesIn(member, said, given);
    if (foreign.length > 0) log.error({ hostId: member.id, host: member.name, foreign }, 'a host tells of machines that it was never given, and is not heard');
    // What is on its way, and what is left of what has gone, are of one machine, which is elsewhere.
    return states.filter(({ id }) => isThere(id));
  }

  async function portsUpOn(member: Member, portIds: readonly string[], entries: readonly Entry[]): Promise<string[]> {
    const own = new Set(entries.flatMap((given) => given.portIds));
    const wanted = portIds.filter((id) => own.has(id));
    if (wanted.length === 0) return [];
    const up = await asked(member, (driver) => driver.networks.portsUp(wanted));
    return up === undefined ? [] : wanted.filter((id) => up.includes(id));
  }

  async function forgottenOn({ driver }: Member, image: { sha256: string }): Promise<void> {
    if (!driver) return;
    await within(listWithinMs, driver.images.forget(image)).catch((error: unknown) => {
      if (!(error instanceof DriverError && error.kind === 'unavailable')) throw error;
    });
  }

  /** Has it made there, and believes what is said of it. */
  async function tell(member: Member, spec: ServerSpec): Promise<ServerState> {
    const { id, hostId, rootDisk, rescue, nics } = spec;
    const driver = connected(member);
    const images = [...(rootDisk.kind === 'image' ? [rootDisk.image.sha256] : []), ...(rescue ? [rescue.image.sha256] : [])];
    const carried = new Map(nics.flatMap(({ networkId }) => (networks.has(networkId) ? [[networkId, networks.get(networkId)!]] : [])));
    if (carried.size > 0) await driver.networks.ensure([...carried.values()]);
    const said = await grants.during(hostId, { images }, () => driver.servers.ensure(spec));
    const [state] = serverStatesIn(member, [said], new Map([[id, { serverId: id, portIds: nics.map(({ portId }) => portId) }]])).states;
    if (!state) throw new DriverError('failed', `Host ${member.name} did not answer for server ${id}`);
    return state;
  }

  async function ensureOn(member: Member, spec: ServerSpec): Promise<ServerState> {
    const { id, hostId, rootDisk, volumes, nics } = spec;
    connected(member);
    if (rootDisk.kind === 'volume' || volumes.length > 0)
      throw new DriverError('exhausted', `The volumes of server ${id} are files of the region's first machine, and host ${member.name} cannot reach them`);
    const entry = { serverId: id, portIds: nics.map(({ portId }) => portId), diskEpoch: rootDisk.epoch };
    const holder = await ledger.holderOf(id);
    if (holder?.hostId !== hostId) {
      const source = holder ?? ((await first.servers.list()).some((machine) => machine.id === id) ? { hostId: null } : undefined);
      if (source) await moved(spec, source, { ...entry, state: 'coming' });
    }
    await ledger.give(hostId, { ...entry, state: 'holds' });
    return tell(member, spec);
  }

  async function ensureOnFirst(spec: ServerSpec): Promise<ServerState> {
    const holder = await ledger.holderOf(spec.id);
    if (holder) await moved(spec, holder, undefined);
    return first.servers.ensure(spec);
  }

  /** Brings what is on its disk from where it is to where it is to be. What it cannot be asked for (`diskEpoch`) is made anew there. */
  async function moved(spec: ServerSpec, source: { hostId: string | null; diskEpoch?: number }, coming: (Entry & { state: 'coming' }) | undefined): Promise<void> {
    const { id, generation, hostId, rootDisk } = spec;
    if (rootDisk.kind === 'volume') throw new DriverError('invalid', `Server ${id} cannot change from a root disk on its host to a volume`);
    const to = members.find(hostId);
    const target = to ? connected(to) : first;
    const isMadeAnew = source.diskEpoch !== undefined && rootDisk.epoch > source.diskEpoch;
    if (!isMadeAnew && (spec.localDisks ?? []).length > 0) throw new DriverError('invalid', `Server ${id} has disks beside its root, which do not go along`);
    const disk = isMadeAnew ? undefined : await taken(spec, rootDisk, source.hostId);
    try {
      // What an earlier attempt, or an earlier stay, has left there is not what it is now.
      await target.servers.remove({ id, hostId, generation });
      if (coming) await ledger.give(hostId, coming);
      if (disk) {
        const arriving: ServerSpec = { ...spec, power: 'stopped', nics: [], rootDisk: { ...rootDisk, image: disk } };
        delete arriving.rescue;
        await (to ? tell(to, arriving) : target.servers.ensure(arriving));
      }
    } finally {
      if (disk) await passage.drop(disk);
    }
    // From here on its disk is the one there, whatever becomes of the other.
    await ledger.passOver(id, to ? hostId : null);
    if (source.hostId !== null) await parted(source.hostId, { id, generation });
  }

  /** It does not run while it is read, and is not told to run there again. */
  async function taken({ id, generation }: ServerSpec, rootDisk: { image: VettedImage; sizeGiB: number }, hostId: string | null): Promise<VettedImage> {
    const from = await whereIs(id, hostId);
    const driver = driverOf(from);
    await driver.servers.shutdown({ id, hostId: from, generation, seconds: quietWithinSeconds });
    const upload = `move-${random.uuid()}`;
    await grants.during(from, { uploads: [upload] }, () => driver.servers.capture({ id, hostId: from, upload }));
    return passage.take(upload, { mostBytes: Math.max(rootDisk.sizeGiB * 2 ** 30, rootDisk.image.virtualSizeBytes) });
  }

  /** On which of the first machine's hosts, when it is not on a joined one. */
  async function whereIs(id: string, hostId: string | null): Promise<string> {
    const found = hostId ?? (await first.servers.list()).find((machine) => machine.id === id)?.hostId;
    if (found === undefined) throw new DriverError('missing', `There is no server ${id} on the region's first machine`);
    return found;
  }

  /** What is left there. A host that is away does it before it is let in again. */
  async function parted(hostId: string, server: { id: string; generation: number }): Promise<void> {
    const member = members.find(hostId);
    if (!member?.driver) return;
    try {
      await member.driver.servers.remove({ ...server, hostId });
      await ledger.take(hostId, server.id);
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      log.warn({ hostId, host: member.name, serverId: server.id, err: error }, 'a host has not yet removed what went elsewhere');
    }
  }

  return {
    name: first.name,
    hosts: {
      async list() {
        const [own, others] = await Promise.all([first.hosts.list(), Promise.all(members.all().map(reportOf))]);
        return [...own, ...others.flat()];
      },
    },
    images: {
      async forget(image) {
        // One that is away keeps its copy: nobody but its own guests can read it, and nobody is to wait for it.
        await Promise.all([first.images.forget(image), ...members.all().map((member) => forgottenOn(member, image))]);
      },
    },
    volumes: first.volumes,
    networks: {
      ...first.networks,
      async ensure(resources) {
        await first.networks.ensure(resources);
        learn(resources);
      },
      async remove(resources) {
        await first.networks.remove(resources);
        for (const { kind, id } of resources) if (kind === 'network') networks.delete(id);
      },
      async reconcile(resources) {
        learn(resources);
        return first.networks.reconcile(resources);
      },
      async compare(resources) {
        learn(resources);
        return first.networks.compare(resources);
      },
      async portsUp(portIds) {
        const given = await ledger.all();
        const up = await Promise.all([first.networks.portsUp(portIds), ...members.all().map((member) => portsUpOn(member, portIds, given.get(member.id) ?? []))]);
        return [...new Set(up.flat())];
      },
    },
    servers: {
      async ensure(spec) {
        const member = members.find(spec.hostId);
        return member ? ensureOn(member, spec) : ensureOnFirst(spec);
      },
      async remove(server) {
        // One that is away and has lost it removes it by itself, before it is let in again.
        if (members.find(server.hostId)?.driver === undefined && (await ledger.of(server.hostId)).some(({ serverId, state }) => serverId === server.id && state === 'lost')) return;
        await driverOf(server.hostId).servers.remove(server);
        await ledger.take(server.hostId, server.id);
      },
      reboot: async (server) => driverOf(server.hostId).servers.reboot(server),
      shutdown: async (server) => driverOf(server.hostId).servers.shutdown(server),
      async consoleLog(server) {
        return String(await driverOf(server.hostId).servers.consoleLog(server));
      },
      async capture(capture) {
        const captured = await grants.during(capture.hostId, { uploads: [capture.upload] }, async () => driverOf(capture.hostId).servers.capture(capture));
        // Whatever it says: it is the size of what it has sent that counts, and the intake looks at that.
        return { upload: capture.upload, format: 'qcow2', sizeBytes: Number(captured.sizeBytes) };
      },
      async list() {
        const [own, others] = await Promise.all([first.servers.list(), machinesOfAll()]);
        return [...own, ...others];
      },
    },
    consoles: { open: async (console) => driverOf(console.hostId).consoles.open(console) },
    quarantine: first.quarantine,
    counterparts: first.counterparts,
    close: () => first.close(),
  };
}

function connected({ name, driver }: Member): Driver {
  if (!driver) throw new DriverError('unavailable', `Host ${name} is not connected`);
  return driver;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DriverError('unavailable', `No answer in ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
