import { DriverError, type DiskKeys, type ServerDriver, type ServerSpec, type ServerState } from '../driver.ts';
import { consoleText, ended, lastLines, started, type Boot } from './console.ts';
import { contentOf, openContent, type Content } from './content.ts';
import type { Region } from './simulated.ts';

const GIB = 2 ** 30;

type Row = {
  id: string;
  host_id: string;
  generation: number;
  power: ServerState['power'];
  spec: string;
  disk_bytes: number;
  local_bytes: number;
  content: string | null;
  boots: string;
  volumes: string;
  nics: string;
};

type Machine = Omit<Row, 'spec' | 'boots' | 'volumes' | 'nics'> & { spec: ServerSpec; boots: Boot[] };

export function serverDriver({ state, hosts, images, consoles, now, bootMs, call, withImage }: Region): ServerDriver {
  const { database, accept, transaction } = state;
  const find = database.prepare('select * from servers where id = ?');
  const put = database.prepare(`
    insert into servers (id, host_id, generation, power, spec, disk_bytes, local_bytes, content, boots, volumes, nics)
    values (:id, :host_id, :generation, :power, :spec, :disk_bytes, :local_bytes, :content, :boots, :volumes, :nics)
    on conflict (id) do update set
      host_id = excluded.host_id, generation = excluded.generation, power = excluded.power, spec = excluded.spec,
      disk_bytes = excluded.disk_bytes, local_bytes = excluded.local_bytes, content = excluded.content, boots = excluded.boots,
      volumes = excluded.volumes, nics = excluded.nics`);
  const remove = database.prepare('delete from servers where id = ? and host_id = ?');
  const setPower = database.prepare('update servers set power = ?, boots = ? where id = ?');
  const usedOnHost = database.prepare('select coalesce(sum(disk_bytes + local_bytes), 0) as bytes from servers where host_id = ? and id <> ?');
  const volume = database.prepare('select size_gib, content, shared from volumes where id = ?');
  const attachment = database.prepare('select server_id from attachments where volume_id = ? and server_id <> ?');
  const attach = database.prepare('insert into attachments (volume_id, server_id) values (?, ?)');
  const detachAll = database.prepare('delete from attachments where server_id = ?');
  const nic = database.prepare('select server_id from nics where port_id = ?');
  const plug = database.prepare('insert into nics (port_id, server_id) values (?, ?)');
  const unplugAll = database.prepare('delete from nics where server_id = ?');

  function get(id: string, hostId: string): Machine {
    const row = find.get(id) as Row | undefined;
    if (!row || row.host_id !== hostId) throw new DriverError('missing', `There is no server ${id} on host ${hostId}`);
    return parse(row);
  }

  function apply({ keys, ...spec }: ServerSpec): ServerState {
    const row = find.get(spec.id) as Row | undefined;
    const before = row && parse(row);
    if (isOn(spec.power)) unlock(spec, keys);
    if (before && before.power === spec.power && JSON.stringify(spec) === row.spec) return report(row);
    // Read from the specification as it was applied, whatever the generation.
    checkHost(spec);
    const disk = rootDisk(spec, before);
    const localBytes = localBytesOf(spec);
    checkRoom(spec, disk.bytes + localBytes);
    connect(spec);

    const after: Row = {
      id: spec.id,
      host_id: spec.hostId,
      generation: spec.generation,
      power: spec.power,
      spec: JSON.stringify(spec),
      disk_bytes: disk.bytes,
      local_bytes: localBytes,
      content: disk.content && JSON.stringify(disk.content),
      boots: JSON.stringify(bootsAfter(spec, before, disk.anew)),
      volumes: JSON.stringify(spec.volumes.toSorted(byDevice).map(({ volumeId }) => volumeId)),
      nics: JSON.stringify(spec.nics.map(({ portId }) => portId)),
    };
    put.run(after);
    if (after.power !== 'running' || after.boots !== row?.boots) consoles.end(spec.id);
    return report(after);
  }

  function checkHost({ id, hostId, vcpus, memoryMiB, cells }: ServerSpec): void {
    const host = hosts.find(hostId);
    if (!host) throw new DriverError('missing', `There is no host ${hostId}`);
    if (vcpus < 1 || memoryMiB < 1) throw new DriverError('invalid', `Server ${id} needs a processor and memory`);
    const beyond = cells?.find(({ cell }) => cell >= (host.numaCells ?? 0));
    if (beyond) throw new DriverError('invalid', `Host ${hostId} has no cell ${beyond.cell} that server ${id} could be held to`);
    if (memoryMiB > host.memoryMiB) throw new DriverError('exhausted', `Host ${hostId} has less than ${memoryMiB} MiB`);
  }

  function checkRoom({ id, hostId }: ServerSpec, bytes: number): void {
    const free = hosts.find(hostId)!.diskGiB * GIB - Number(usedOnHost.get(hostId, id)?.bytes);
    if (bytes > free) throw new DriverError('exhausted', `Host ${hostId} has no room for the ${bytes} bytes of server ${id}'s disks`);
  }

  /** A machine that is on reads what is on its disks. */
  function unlock(spec: ServerSpec, keys: DiskKeys | undefined): void {
    for (const volumeId of volumesOf(spec)) {
      const disk = volume.get(volumeId);
      if (disk) openContent(String(disk.content), volumeId, keys);
    }
  }

  /** Its volumes and interfaces are taken from nobody else. */
  function connect(spec: ServerSpec): void {
    const { id, rescue, localDisks = [], volumes, nics } = spec;
    const volumeIds = volumesOf(spec);
    const portIds = nics.map(({ portId }) => portId);
    for (const names of [volumeIds, portIds, [...[...volumes, ...localDisks].map(({ device }) => device), ...(rescue ? [rescue.rootDevice] : [])], nics.map(({ mac }) => mac)])
      if (new Set(names).size < names.length) throw new DriverError('invalid', `Server ${id} has the same twice in ${names.join(', ')}`);

    for (const volumeId of volumeIds) {
      const found = volume.get(volumeId);
      if (!found) throw new DriverError('missing', `There is no volume ${volumeId}`);
      const other = found.shared ? undefined : attachment.get(volumeId, id)?.server_id;
      if (other !== undefined) throw new DriverError('failed', `Server ${other} uses volume ${volumeId}`);
    }
    for (const portId of portIds) {
      const user = nic.get(portId)?.server_id ?? id;
      if (user !== id) throw new DriverError('failed', `Server ${user} uses port ${portId}`);
    }
    // Deferred, because a new server's row follows.
    database.exec('pragma defer_foreign_keys = on');
    detachAll.run(id);
    unplugAll.run(id);
    for (const volumeId of volumeIds) attach.run(volumeId, id);
    for (const portId of portIds) plug.run(portId, id);
  }

  function bootsAfter(spec: ServerSpec, before: Machine | undefined, anew: boolean): Boot[] {
    const boots = before?.boots ?? [];
    const wasOn = before !== undefined && isOn(before.power);
    const isToBeOn = isOn(spec.power);
    const restarts = anew || (before !== undefined && spec.bootEpoch > before.spec.bootEpoch);
    if (isToBeOn && (!wasOn || restarts)) return started(boots, now(), spec);
    return wasOn && !isToBeOn ? ended(boots, now()) : boots;
  }

  return {
    ensure: (spec) =>
      call('servers.ensure', `server/${spec.id}`, () => {
        accept(`server/${spec.id}`, spec.generation);
        const root = spec.rootDisk.kind === 'image' ? spec.rootDisk.image : undefined;
        if (!spec.rescue) return withImage(root, () => transaction(() => apply(spec)));
        // One after the other: two that each held one and wanted the other would wait for ever.
        return Promise.resolve(withImage(spec.rescue.image, () => undefined)).then(() => withImage(root, () => transaction(() => apply(spec))));
      }),

    remove: ({ id, hostId, generation }) =>
      call('servers.remove', `server/${id}`, () => {
        accept(`server/${id}`, generation);
        remove.run(id, hostId);
        consoles.end(id);
      }),

    reboot: ({ id, hostId, generation }) =>
      call('servers.reboot', `server/${id}`, () => {
        accept(`server/${id}`, generation);
        const { power, boots, spec } = get(id, hostId);
        if (power !== 'running') throw new DriverError('failed', `Server ${id} does not run: it is ${power}`);
        setPower.run(power, JSON.stringify(started(boots, now(), spec)), id);
      }),

    shutdown: ({ id, hostId, generation }) =>
      // A simulated guest obeys at once.
      call('servers.shutdown', `server/${id}`, () => {
        accept(`server/${id}`, generation);
        const { boots } = get(id, hostId);
        setPower.run('stopped', JSON.stringify(ended(boots, now())), id);
        consoles.end(id);
      }),

    consoleLog: ({ id, hostId, lines }) =>
      call('servers.consoleLog', `server/${id}`, () => lastLines(consoleText(get(id, hostId).boots, now(), bootMs), lines)),

    capture: ({ id, hostId, upload, keys }) =>
      call('servers.capture', `server/${id}`, () => {
        const { spec, content, disk_bytes } = get(id, hostId);
        if (spec.rootDisk.kind === 'image') return images.capture(JSON.parse(content!) as Content, disk_bytes, upload);
        const root = volume.get(spec.rootDisk.volumeId) as { size_gib: number; content: string };
        return images.capture(openContent(root.content, spec.rootDisk.volumeId, keys), root.size_gib * GIB, upload);
      }),

    list: () =>
      call('servers.list', [], () => {
        const rows = database.prepare('select id, host_id, generation, power, volumes, nics from servers order by id').all();
        return (rows as Row[]).map(report);
      }),
  };
}

/** The root disk as it is to be: kept, grown, or made anew. */
function rootDisk(spec: ServerSpec, before: Machine | undefined): { content: Content | null; bytes: number; anew: boolean } {
  const root = spec.rootDisk;
  const was = before?.spec.rootDisk;
  if (was && was.kind !== root.kind) throw new DriverError('invalid', `Server ${spec.id} cannot change from a root disk on ${was.kind} to ${root.kind}`);
  if (root.kind === 'volume') return { content: null, bytes: 0, anew: false };

  const anew = !before || (was?.kind === 'image' && root.epoch > was.epoch);
  const least = anew ? root.image.virtualSizeBytes : before.disk_bytes;
  const bytes = root.sizeGiB === 0 ? least : root.sizeGiB * GIB;
  if (bytes < least) throw new DriverError('invalid', `Server ${spec.id}'s root disk of ${root.sizeGiB} GiB is smaller than its content`);
  return { content: anew ? contentOf(root.image) : (JSON.parse(before.content!) as Content), bytes, anew: anew && before !== undefined };
}

function localBytesOf({ localDisks = [] }: ServerSpec): number {
  return localDisks.reduce((sum, { sizeMiB }) => sum + sizeMiB * 2 ** 20, 0);
}

function volumesOf({ rootDisk: root, volumes }: ServerSpec): string[] {
  return [...(root.kind === 'volume' ? [root.volumeId] : []), ...volumes.map(({ volumeId }) => volumeId)];
}

function isOn(power: ServerState['power']): boolean {
  return power === 'running' || power === 'paused' || power === 'suspended';
}

function byDevice(one: { device: string }, other: { device: string }): number {
  return one.device < other.device ? -1 : 1;
}

function parse(row: Row): Machine {
  return { ...row, spec: JSON.parse(row.spec) as ServerSpec, boots: JSON.parse(row.boots) as Boot[] };
}

function report({ id, host_id, generation, power, volumes, nics }: Row): ServerState {
  return { id, hostId: host_id, generation, power, volumes: JSON.parse(volumes) as string[], nics: JSON.parse(nics) as string[] };
}
