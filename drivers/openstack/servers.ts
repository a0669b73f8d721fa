/**
 * Machines of ours in the partner's compute service.
 *
 * What a guest learns about itself is in guests.ts. Of several public keys a partner takes one.
 */
import { compareVersions } from '../../contract/contract.ts';
import { DriverError, type PowerState, type ServerDriver, type ServerSpec, type ServerState, type VolumeDriver } from '../driver.ts';
import { ensureMade, type Found } from './creation.ts';
import { ours, whereIs } from './finding.ts';
import { ensureFlavor } from './flavors.ts';
import { demandTellable, metadataOf, rebuildOf, TAG, tell, toldOf, untold, type Told } from './guests.ts';
import type { Applied, Handle, HandleRef } from './handles.ts';
import { captureProperties, ensureImage, fetchCapture } from './images.ts';
import { hostId } from './hosts.ts';
import { ensureNowhere } from './network/nowhere.ts';
import type { Services } from './partner.ts';
import { refusedAs, translated, UnknownOutcome, unless } from './refusals.ts';
import { until, type Region } from './region.ts';
import { paged, remoteVolumeId } from './volumes.ts';

const WAIT_SECONDS = 540;
/** From here on a server can be asked for without any network. */
const WITHOUT_NETWORK = '2.37';

type Remote = NonNullable<Awaited<ReturnType<typeof serversOf>>[number]>;

export async function serversOf({ compute }: Services) {
  return paged(async (query) => {
    const { servers, servers_links: more } = (await compute.servers.detail({ query })).body;
    return { items: servers.map((server) => ({ ...server, createdAt: server.created, tag: server.metadata[TAG] ?? null })), more };
  });
}

export function serverDriver(region: Region, volumes: VolumeDriver): ServerDriver {
  const { handles, projects, call } = region;

  async function known(id: string): Promise<{ handle: Handle & { state: 'known' }; services: Services }> {
    const handle = await handles.find(serverRef(id));
    if (handle?.state !== 'known') throw new DriverError('missing', `There is no server ${id}`);
    return { handle, services: await projects.of(handle.projectId) };
  }

  async function show({ compute }: Services, remoteId: string): Promise<Remote | undefined> {
    const server = (await compute.servers.show({ params: { server_id: remoteId } }).catch(unless(404)))?.body.server;
    if (!server || server.status === 'DELETED' || server.status === 'SOFT_DELETED') return undefined;
    return { ...server, createdAt: server.created, tag: server.metadata[TAG] ?? null };
  }

  /** As it is when the partner has done what it is at. */
  async function idle(services: Services, remoteId: string, isSo: (server: Remote) => boolean = () => true): Promise<Remote> {
    const seen = await until(region, () => show(services, remoteId), (is) => is === undefined || (is['OS-EXT-STS:task_state'] === null && (is.status === 'ERROR' || isSo(is))), WAIT_SECONDS);
    if (!seen) throw new DriverError('missing', `The partner has lost machine ${remoteId}`);
    if (seen['OS-EXT-STS:task_state'] !== null) throw new DriverError('unavailable', `The partner's machine ${remoteId} is still at it: ${seen['OS-EXT-STS:task_state']}`);
    return seen;
  }

  /** What was not answered may have been done: the look that follows tells. */
  async function act(work: Promise<unknown>): Promise<void> {
    await work.catch((error: unknown) => {
      if (!(error instanceof UnknownOutcome)) throw translated(error, { 409: 'unavailable' });
    });
  }

  async function make(spec: ServerSpec, services: Services, needs: Needs): Promise<Remote> {
    requireUsual(spec);
    const ref = serverRef(spec.id);
    const imageRef = spec.rootDisk.kind === 'image' ? await ensureImage(region, spec.rootDisk.image, services) : undefined;
    const flavorRef = await ensureFlavor(region, services, sizeOf(spec, services));
    const key = await bringKey(services, spec);
    const devices = [
      ...(imageRef === undefined ? [] : [{ boot_index: 0, source_type: 'image' as const, destination_type: 'local' as const, uuid: imageRef, delete_on_termination: true }]),
      ...(needs.root === null ? [] : [{ boot_index: 0, source_type: 'volume' as const, destination_type: 'volume' as const, uuid: needs.root, delete_on_termination: false }]),
      ...needs.volumes.map(({ remoteId, device }) => ({ boot_index: -1, source_type: 'volume' as const, destination_type: 'volume' as const, uuid: remoteId, device_name: device, delete_on_termination: false })),
    ];
    const { metadata } = spec;
    const networks = await networksFor(region, services, spec, needs.nics);
    const remoteId = await ensureMade(region, ref, metadata.projectId, {
      find: async (tag): Promise<Found[]> => (await serversOf(services)).filter((each) => each.tag === tag),
      make: async (tag) => {
        const server = {
          name: metadata.hostname, flavorRef, block_device_mapping_v2: devices,
          ...(imageRef === undefined ? {} : { imageRef }),
          networks: networks as { port: string }[],
          metadata: metadataOf(spec, tag), config_drive: spec.configDrive,
          ...(key === undefined ? {} : { key_name: key }),
          ...(metadata.adminPass === null ? {} : { adminPass: metadata.adminPass }),
          ...(metadata.userData === null ? {} : { user_data: metadata.userData }),
        };
        const { body } = await services.compute.servers.create({ body: { server } });
        return (body as { server: { id: string } }).server.id;
      },
    });
    const made = await idle(services, remoteId, ({ status }) => status !== 'BUILD');
    if (key !== undefined) await services.compute.keyPairs.delete({ params: { keypair_name: key } }).catch(unless(404));
    if (made.status === 'ERROR') {
      await removeThere(services, spec.id, remoteId);
      const why = made.fault?.message ?? 'it does not say why';
      throw new DriverError(/no valid host/i.test(why) ? 'exhausted' : 'failed', `The partner could not make server ${spec.id}: ${why}`);
    }
    await handles.apply(ref, { bootEpoch: spec.bootEpoch, rootEpoch: rootEpochOf(spec), told: toldOf(spec) });
    return made;
  }

  /** Nova takes a key by name from the user's own; it is there only for as long as the machine is being made. */
  async function bringKey({ compute }: Services, { id, metadata }: ServerSpec): Promise<string | undefined> {
    const [publicKey] = Object.values(metadata.publicKeys);
    if (publicKey === undefined) return undefined;
    const name = keyNameOf(id);
    await compute.keyPairs.delete({ params: { keypair_name: name } }).catch(unless(404));
    await compute.keyPairs.create({ body: { keypair: { name, public_key: publicKey } } }).catch(unless(409));
    return name;
  }

  async function rebuild(services: Services, server: Remote, spec: ServerSpec, { tag, what }: { tag: string; what: readonly (keyof Told)[] }): Promise<void> {
    if (spec.rootDisk.kind !== 'image') return;
    const imageRef = await ensureImage(region, spec.rootDisk.image, services);
    const key = what.includes('keys') ? await bringKey(services, spec) : undefined;
    const { compute, body } = rebuildOf(services, spec, { imageRef, tag, what, key });
    await act(compute.serverActions.rebuild({ params: { server_id: server.id }, body: { rebuild: body } }));
    const rebuilt = await idle(services, server.id, ({ status }) => status !== 'REBUILD');
    if (key !== undefined) await services.compute.keyPairs.delete({ params: { keypair_name: key } }).catch(unless(404));
    if (rebuilt.status === 'ERROR') throw new DriverError('failed', `The partner could not rebuild server ${spec.id}: ${rebuilt.fault?.message ?? 'it does not say why'}`);
    await handles.apply(serverRef(spec.id), { rootEpoch: rootEpochOf(spec) });
  }

  async function resize(services: Services, server: Remote, flavorRef: string): Promise<void> {
    const params = { server_id: server.id };
    if (server.status !== 'VERIFY_RESIZE') {
      await act(services.compute.serverActions.resize({ params, body: { resize: { flavorRef } } }));
      const resized = await idle(services, server.id, ({ status }) => status !== 'RESIZE');
      if (resized.status !== 'VERIFY_RESIZE') throw new DriverError('failed', `The partner did not resize ${server.id}: it is ${resized.status}, ${resized.fault?.message ?? 'and does not say why'}`);
    }
    await act(services.compute.serverActions.confirmResize({ params, body: { confirmResize: null } }));
    await idle(services, server.id, ({ status }) => status !== 'VERIFY_RESIZE');
  }

  async function connectVolumes(services: Services, server: Remote, { root, volumes: wanted }: Needs): Promise<void> {
    const params = { server_id: server.id };
    const attached = server['os-extended-volumes:volumes_attached'].map(({ id }) => id);
    for (const remoteId of attached.filter((id) => id !== root && !wanted.some((each) => each.remoteId === id))) {
      await act(services.compute.serverVolumes.detach({ params: { ...params, volume_id: remoteId } }).catch(unless(404)));
      // Another may want it next.
      const left = await until(region, async () => (await services.volume.volumes.show({ params: { volume_id: remoteId } }).catch(unless(404)))?.body.volume, (is) => !is?.attachments.some(({ server_id: user }) => user === server.id), WAIT_SECONDS);
      if (left?.attachments.some(({ server_id: user }) => user === server.id)) throw new DriverError('failed', `The partner did not detach volume ${remoteId}`);
    }
    for (const { remoteId, device } of wanted.filter((each) => !attached.includes(each.remoteId))) {
      await act(services.compute.serverVolumes.attach({ params, body: { volumeAttachment: { volumeId: remoteId, device } } }).catch(refusedAs({ 400: 'failed' })));
      const seen = await until(region, () => show(services, server.id), (is) => is === undefined || is['os-extended-volumes:volumes_attached'].some(({ id }) => id === remoteId), WAIT_SECONDS);
      if (!seen?.['os-extended-volumes:volumes_attached'].some(({ id }) => id === remoteId)) throw new DriverError('unavailable', `The partner has not attached volume ${remoteId}`);
      const usable = await until(region, async () => (await services.volume.volumes.show({ params: { volume_id: remoteId } })).body.volume.status, (status) => !/ing$|reserved/.test(status), WAIT_SECONDS);
      if (usable !== 'in-use') throw new DriverError('failed', `The partner did not attach volume ${remoteId}: it is ${usable}`);
    }
  }

  async function connectNics(services: Services, server: Remote, { nics: wanted }: Needs): Promise<void> {
    const params = { server_id: server.id };
    const list = async () => (await services.compute.serverInterfaces.list({ params })).body.interfaceAttachments.map(({ port_id: id }) => id);
    const plugged = await list();
    for (const portId of plugged.filter((id) => !wanted.includes(id))) {
      await act(services.compute.serverInterfaces.detach({ params: { ...params, port_id: portId } }).catch(unless(404)));
      const left = await until(region, list, (ids) => !ids.includes(portId), WAIT_SECONDS);
      if (left.includes(portId)) throw new DriverError('failed', `The partner did not take interface ${portId} away`);
    }
    for (const portId of wanted.filter((id) => !plugged.includes(id))) {
      await act(services.compute.serverInterfaces.attach({ params, body: { interfaceAttachment: { port_id: portId } } }));
      const now = await until(region, list, (ids) => ids.includes(portId), 60);
      if (!now.includes(portId)) throw new DriverError('unavailable', `The partner has not given interface ${portId}`);
    }
  }

  /** By way of running, from which alone each of the others can be reached. */
  async function bringTo(services: Services, remoteId: string, wanted: PowerState): Promise<void> {
    const params = { server_id: remoteId };
    const { serverActions: actions } = services.compute;
    for (let step = 1; step <= 4; step++) {
      const is = powerOf(await idle(services, remoteId));
      if (is === wanted) return;
      await act(toward(is, wanted)());
      await until(region, () => show(services, remoteId), (now) => now === undefined || (now['OS-EXT-STS:task_state'] === null && powerOf(now) !== is), WAIT_SECONDS);
    }
    throw new DriverError('failed', `The partner did not bring machine ${remoteId} to be ${wanted}`);

    function toward(is: PowerState | 'crashed', to: PowerState): () => Promise<unknown> {
      switch (is) {
        case 'stopped':
          return () => actions.start({ params, body: { 'os-start': null } });
        case 'paused':
          return () => actions.unpause({ params, body: { unpause: null } });
        case 'suspended':
          return () => actions.resume({ params, body: { resume: null } });
        case 'crashed':
          return () => actions.reboot({ params, body: { reboot: { type: 'HARD' } } });
        case 'running':
          if (to === 'paused') return () => actions.pause({ params, body: { pause: null } });
          if (to === 'suspended') return () => actions.suspend({ params, body: { suspend: null } });
          return () => actions.stop({ params, body: { 'os-stop': null } });
        default:
          return is satisfies never;
      }
    }
  }

  async function apply(spec: ServerSpec): Promise<ServerState> {
    const ref = serverRef(spec.id);
    if (spec.hostId !== (await hostId(region))) throw new DriverError('missing', `There is no host ${spec.hostId}`);
    if (spec.vcpus < 1 || spec.memoryMiB < 1) throw new DriverError('invalid', `Server ${spec.id} needs a processor and memory`);
    // Nova takes files up to 2.56, and keeps none: nobody could say later which of them are there.
    if (spec.metadata.files?.length) throw new DriverError('invalid', `The partner is given no files to put into a machine: server ${spec.id} cannot have ${spec.metadata.files.map(({ path }) => path).join(', ')} there`);
    const needs = await needsOf(region, spec);
    const before = await handles.find(ref);
    const services = await projects.of(before?.projectId ?? spec.metadata.projectId);
    await mayUse(services, before, needs);

    let server = before?.state === 'known' ? await show(services, before.remoteId) : undefined;
    // The partner has lost it: who wants it gets another, with another tag.
    if (before?.state === 'known' && !server) await handles.forget(ref);
    server = server ? await idle(services, server.id) : await make(spec, services, needs);
    const { applied, tag } = (await handles.find(ref))!;

    const rebuilds = rootEpochOf(spec) > Number(applied['rootEpoch'] ?? 0);
    const what = untold(applied['told'], spec);
    demandTellable(services, spec.id, what, { rebuilds });
    const flavorRef = await ensureFlavor(region, services, sizeOf(spec, services));
    const resizes = server.status === 'VERIFY_RESIZE' || String(server.flavor.id) !== flavorRef;
    const attached = server['os-extended-volumes:volumes_attached'].map(({ id }) => id).filter((id) => id !== needs.root);
    const connects = !sameSet(attached, needs.volumes.map(({ remoteId }) => remoteId)) || !sameList(applied['nics'], spec.nics.map(({ portId }) => portId));
    if ((rebuilds || resizes || connects) && ['paused', 'suspended'].includes(powerOf(server))) await bringTo(services, server.id, 'running');
    if (resizes) await resize(services, server, flavorRef);
    if (rebuilds) await rebuild(services, server, spec, { tag, what });
    await connectVolumes(services, await idle(services, server.id), needs);
    await connectNics(services, server, needs);
    if (spec.bootEpoch > Number(applied['bootEpoch'] ?? 0)) {
      if (spec.power !== 'stopped' && powerOf(await idle(services, server.id)) === 'running') {
        await act(services.compute.serverActions.reboot({ params: { server_id: server.id }, body: { reboot: { type: 'HARD' } } }));
        await idle(services, server.id, ({ status }) => status === 'ACTIVE');
      }
      await handles.apply(ref, { bootEpoch: spec.bootEpoch });
    }
    await bringTo(services, server.id, spec.power);
    await tell(services, await idle(services, server.id), spec, { tag, what });
    const inOrder = spec.volumes.toSorted((one, other) => (one.device < other.device ? -1 : 1)).map(({ volumeId }) => volumeId);
    const state = { generation: spec.generation, power: spec.power, volumes: inOrder, nics: spec.nics.map(({ portId }) => portId) };
    await handles.apply(ref, { ...state, root: needs.root, told: toldOf(spec) });
    return { id: spec.id, hostId: spec.hostId, ...state };
  }

  /** Nova would take it away from nobody either, but says so only after the machine was made. */
  async function mayUse(services: Services, before: Handle | undefined, { root, volumes: wanted }: Needs): Promise<void> {
    for (const remoteId of [...(root === null ? [] : [root]), ...wanted.map((each) => each.remoteId)]) {
      const volume = (await services.volume.volumes.show({ params: { volume_id: remoteId } }).catch(unless(404)))?.body.volume;
      if (!volume) throw new DriverError('missing', `The partner has no volume ${remoteId} in the server's project`);
      const other = volume.attachments.find(({ server_id: user }) => user !== null && user !== before?.remoteId);
      if (other && before?.state !== 'intended') throw new DriverError('failed', `The machine ${other.server_id} uses volume ${remoteId}`);
    }
  }

  async function removeThere(services: Services, id: string, remoteId: string): Promise<void> {
    const params = { server_id: remoteId };
    await act(services.compute.servers.delete({ params }).catch(unless(404)));
    const look = async () => (await services.compute.servers.show({ params }).catch(unless(404)))?.body.server;
    let left = await until(region, look, (is) => is === undefined || is.status === 'DELETED' || is.status === 'SOFT_DELETED', WAIT_SECONDS);
    if (left?.status === 'SOFT_DELETED') {
      await act(services.compute.serverActions.forceDelete({ params, body: { forceDelete: null } }).catch(unless(404)));
      left = await until(region, look, (is) => is === undefined || is.status === 'DELETED', WAIT_SECONDS);
    }
    if (left && left.status !== 'DELETED') throw new DriverError('failed', `The partner did not delete server ${id}: it is ${left.status}`);
    await services.compute.keyPairs.delete({ params: { keypair_name: keyNameOf(id) } }).catch(unless(404));
    await handles.forget(serverRef(id));
  }

  return {
    ensure: (spec) =>
      call([serverRef(spec.id)], async () => {
        if (spec.rescue) throw new DriverError('invalid', `Server ${spec.id} is a partner's machine, which starts from its own disk only`);
        await handles.accept([{ ...serverRef(spec.id), generation: spec.generation }]);
        return apply(spec);
      }),

    remove: ({ id, generation }) =>
      call([serverRef(id)], async () => {
        const ref = serverRef(id);
        await handles.accept([{ ...ref, generation }]);
        for (const { services, remoteIds } of await whereIs(region, ref, serversOf)) for (const remoteId of remoteIds) await removeThere(services, id, remoteId);
        if (await handles.find(ref)) await handles.forget(ref);
      }),

    reboot: ({ id, generation }) =>
      call([serverRef(id)], async () => {
        await handles.accept([{ ...serverRef(id), generation }]);
        const { handle, services } = await known(id);
        const is = powerOf(await idle(services, handle.remoteId));
        if (is !== 'running') throw new DriverError('failed', `Server ${id} does not run: it is ${is}`);
        await act(services.compute.serverActions.reboot({ params: { server_id: handle.remoteId }, body: { reboot: { type: 'SOFT' } } }));
        await idle(services, handle.remoteId, ({ status }) => status === 'ACTIVE');
      }),

    shutdown: ({ id, generation }) =>
      call([serverRef(id)], async () => {
        await handles.accept([{ ...serverRef(id), generation }]);
        const { handle, services } = await known(id);
        // How long it asks the guest before it uses force, is the partner's to say.
        await bringTo(services, handle.remoteId, 'stopped');
      }),

    consoleLog: ({ id, lines }) =>
      call([serverRef(id)], async () => {
        const { handle, services } = await known(id);
        const wish = lines === undefined ? {} : { length: lines };
        const { output } = (await services.compute.serverActions.getConsoleOutput({ params: { server_id: handle.remoteId }, body: { 'os-getConsoleOutput': wish } }).catch(refusedAs({ 409: 'unavailable' }))).body;
        return lines === undefined ? output : lastLines(output, lines);
      }),

    capture: ({ id, upload }) =>
      call([serverRef(id)], async () => {
        const { handle, services } = await known(id);
        const root = (await handles.list('volume')).find(({ remoteId }) => remoteId !== null && remoteId === handle.applied['root']);
        // Nova makes no image of a disk that is a volume, but a snapshot of the volume.
        if (root) return volumes.capture({ volumeId: root.id, upload });
        await idle(services, handle.remoteId);
        const captured = await fetchCapture(region, {
          upload, projectId: handle.projectId, services,
          async make(tag) {
            const { headers, body } = await services.compute.serverActions.createImage({ params: { server_id: handle.remoteId }, body: { createImage: { name: tag, metadata: captureProperties(tag) } } });
            return (headers.get('location') ?? '').split('/').at(-1) || String((body as { image_id?: string } | undefined)?.image_id);
          },
        });
        await idle(services, handle.remoteId);
        return captured;
      }),

    list: () =>
      call([], async () => {
        const [here, all, places] = [await hostId(region), await handles.list('server', 'volume', 'port'), await projects.known()];
        const name = (kind: 'volume' | 'port') => new Map(all.flatMap((handle) => (handle.kind === kind && handle.remoteId !== null ? [[handle.remoteId, handle.id] as const] : [])));
        const [volumeIds, portIds] = [name('volume'), name('port')];
        const found = await Promise.all(
          places.map(async ({ services }) => {
            const servers = await serversOf(services);
            if (servers.length === 0) return { servers, ports: [] };
            const { ports } = (await services.network.ports.list({ query: { project_id: [services.projectId ?? ''], fields: ['id', 'device_id'] } })).body;
            return { servers, ports };
          }),
        );
        const ports = found.flatMap((each) => each.ports);
        return ours(all, 'server', found.flatMap(({ servers }) => servers).filter(({ status }) => !/DELETED$/.test(status))).map(({ id, thing, handle }) => {
          const applied = handle?.applied ?? {};
          const attached = thing['os-extended-volumes:volumes_attached'].filter((volume) => volume.id !== applied['root']).flatMap((volume) => volumeIds.get(volume.id) ?? []);
          const plugged = ports.filter(({ device_id: device }) => device === thing.id).flatMap((port) => portIds.get(port.id ?? '') ?? []);
          return { id, hostId: here, generation: Number(applied['generation'] ?? handle?.generation ?? 0), power: powerOf(thing, applied), volumes: inOrderOf(applied['volumes'], attached), nics: inOrderOf(applied['nics'], plugged) };
        });
      }),
  };
}

/** What it needs, by the names that it has there. */
type Needs = { root: string | null; volumes: { remoteId: string; device: string }[]; nics: string[] };

async function needsOf(region: Region, spec: ServerSpec): Promise<Needs> {
  const root = spec.rootDisk.kind === 'volume' ? await remoteVolumeId(region, spec.rootDisk.volumeId) : null;
  const volumes = await Promise.all(spec.volumes.map(async ({ volumeId, device }) => ({ remoteId: await remoteVolumeId(region, volumeId), device })));
  const nics = await Promise.all(
    spec.nics.map(async ({ portId }) => {
      const handle = await region.handles.find({ kind: 'port', id: portId });
      if (handle?.state !== 'known') throw new DriverError('missing', `There is no port ${portId}`);
      return handle.remoteId;
    }),
  );
  return { root, volumes, nics };
}

/** The interface to nowhere is taken away when the server is connected. */
async function networksFor(region: Region, services: Services, { metadata }: ServerSpec, nics: readonly string[]): Promise<unknown> {
  if (nics.length > 0) return nics.map((port) => ({ port }));
  if (compareVersions(services.versions.compute, WITHOUT_NETWORK) >= 0) return 'none';
  return [{ uuid: await ensureNowhere(region, services, metadata.projectId) }];
}

function powerOf({ status, 'OS-EXT-STS:power_state': power }: Pick<Remote, 'status' | 'OS-EXT-STS:power_state'>, applied: Applied = {}): PowerState | 'crashed' {
  switch (status) {
    case 'ACTIVE':
    case 'REBOOT':
    case 'HARD_REBOOT':
    case 'PASSWORD':
      return 'running';
    case 'PAUSED':
      return 'paused';
    case 'SUSPENDED':
      return 'suspended';
    case 'SHUTOFF':
    case 'SHELVED':
    case 'SHELVED_OFFLOADED':
      return 'stopped';
    case 'ERROR':
      return 'crashed';
    case 'UNKNOWN':
      // Its host does not answer the partner: nobody knows, and nothing is to be done about it here.
      return (applied['power'] as PowerState | undefined) ?? 'running';
    default:
      // nova/compute/power_state.py
      return ({ 1: 'running', 3: 'paused', 6: 'crashed', 7: 'suspended' } as const)[power] ?? 'stopped';
  }
}

function sizeOf({ vcpus, memoryMiB, rootDisk }: ServerSpec, { roles }: Services) {
  if (rootDisk.kind === 'volume') return { vcpus, memoryMiB, diskGiB: 0 };
  // Nova makes a disk that is as large as its image for administrators only.
  const diskGiB = rootDisk.sizeGiB > 0 || roles.includes('admin') ? rootDisk.sizeGiB : Math.ceil(rootDisk.image.virtualSizeBytes / 2 ** 30);
  return { vcpus, memoryMiB, diskGiB };
}

function rootEpochOf({ rootDisk }: ServerSpec): number {
  return rootDisk.kind === 'image' ? rootDisk.epoch : 0;
}

function inOrderOf(order: unknown, found: readonly string[]): string[] {
  const names = Array.isArray(order) ? (order as string[]) : [];
  return [...names.filter((name) => found.includes(name)), ...found.filter((name) => !names.includes(name))];
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}

function sameList(one: unknown, other: readonly string[]): boolean {
  return JSON.stringify(one ?? []) === JSON.stringify(other);
}

function lastLines(text: string, count: number): string {
  const lines = text.split('\n');
  const ended = lines.at(-1) === '' ? 1 : 0;
  return lines.slice(-count - ended).join('\n');
}

function keyNameOf(id: string): string {
  return `intercloud-${id}`;
}

function serverRef(id: string): HandleRef {
  return { kind: 'server', id };
}

/** What kind of machine it makes is said by flavors and images there, which are the partner's. */
function requireUsual({ id, hardware = {}, localDisks = [] }: ServerSpec): void {
  if (localDisks.length > 0) throw new DriverError('invalid', `The partner's sizes have a root disk only: server ${id} cannot have ${localDisks.map(({ name }) => name).join(', ')} there`);
  const usual: Record<string, unknown> = { machine: 'pc', diskBus: 'virtio', nicModel: 'virtio' };
  // Of what machines show and how they tell time nobody is promised anything there.
  const wanted = Object.entries(hardware).filter(([name, value]) => !['video', 'videoMiB', 'agentChannel', 'windows'].includes(name) && usual[name] !== value);
  if (wanted.length > 0) throw new DriverError('invalid', `The partner makes machines of its own kind: server ${id} cannot have ${wanted.map(([name]) => name).join(', ')} there`);
}
