/** A server as libvirt's domain, and what is read back from a domain that runs. */
import type { DiskEncryption, GuestHardware, ServerSpec } from '../driver.ts';
import type { Accelerator } from './accelerator.ts';
import type { DiskFormat } from './disks.ts';
import { guestView } from './engine-layout.ts';
import { tapName } from './taps.ts';
import { element, toText, type Xml } from './xml.ts';

export type DomainDisk = { device: string; path: string; serial: string; /** Other machines may have it open too. */ shared?: boolean; /** By the secret of its serial's name. */ locked?: boolean; /** Without: virtio. */ bus?: string; limits?: GuestHardware['diskLimits'] };

/** What of a volume its machine has to be told. */
export type VolumeKind = { shared?: boolean; encryption?: DiskEncryption | null };
export type VolumeKinds = ReadonlyMap<string, VolumeKind>;

/** Paths as QEMU sees them, under `guestView`. */
export const guestPath = {
  rootDisk: (serverId: string) => `${guestView}/servers/${serverId}/root.qcow2`,
  rescueDisk: (serverId: string) => `${guestView}/servers/${serverId}/rescue.qcow2`,
  localDisk: (serverId: string, name: string) => `${guestView}/servers/${serverId}/${name}.qcow2`,
  firmwareSettings: (serverId: string) => `${guestView}/servers/${serverId}/nvram.fd`,
  agent: (serverId: string) => `${guestView}/vnc/${serverId}.qga`,
  configDrive: (serverId: string) => `${guestView}/servers/${serverId}/config.iso`,
  console: (serverId: string) => `${guestView}/servers/${serverId}/console.log`,
  vnc: (serverId: string) => `${guestView}/vnc/${serverId}`,
  serial: (serverId: string) => `${guestView}/vnc/${serverId}.tty`,
  volume: (volumeId: string, shared: boolean) => `${guestView}/volumes/${volumeId}.${shared ? 'raw' : 'qcow2'}`,
};

export function domainXml(spec: ServerSpec, { accelerator, emulator, kinds = new Map() }: { accelerator: Accelerator; emulator: string; kinds?: VolumeKinds }): string {
  const { hardware = {} } = spec;
  return toText(
    element(
      'domain',
      { type: accelerator === 'kvm' ? 'kvm' : 'qemu' },
      element('name', {}, `server-${spec.id}`),
      element('uuid', {}, spec.id),
      // libvirt takes one line.
      element('title', {}, spec.metadata.name.replace(/\s+/g, ' ').slice(0, 200).trim() || spec.id),
      element('memory', { unit: 'MiB' }, String(spec.memoryMiB)),
      element('vcpu', {}, String(spec.vcpus)),
      systemElement(spec.id, hardware),
      featuresElement(hardware, accelerator),
      cpu(accelerator, hardware),
      clockElement(hardware),
      element('on_poweroff', {}, 'destroy'),
      element('on_reboot', {}, 'restart'),
      element('on_crash', {}, 'destroy'),
      element(
        'devices',
        {},
        element('emulator', {}, emulator),
        ...disksOf(spec, kinds).map(diskElement),
        spec.configDrive ? configDriveElement(spec.id, hardware) : null,
        ...controllerElements(hardware),
        ...spec.nics.map((nic) => nicElement(nic, hardware)),
        // For one user at a time; what the guest writes is kept besides, whether or not anybody looks.
        element('serial', { type: 'unix' }, element('source', { mode: 'bind', path: guestPath.serial(spec.id) }), element('log', { file: guestPath.console(spec.id), append: 'on' }), element('target', { port: 0 })),
        // By a socket of its own: reached by whoever may open the file, and by no guest.
        element('graphics', { type: 'vnc' }, element('listen', { type: 'socket', socket: guestPath.vnc(spec.id) })),
        ...extraElements(spec.id, hardware),
        element('memballoon', { model: 'virtio' }),
      ),
    ),
  );
}

/** All disks that hold data, the one that it starts from first. */
export function disksOf(spec: ServerSpec, kinds: VolumeKinds): DomainDisk[] {
  const { rootDisk, rescue } = spec;
  const { diskBus: bus = 'virtio', diskLimits: limits } = spec.hardware ?? {};
  const made = { bus, ...(limits ? { limits } : {}) };
  const ofVolume = (volumeId: string, device: string): DomainDisk => {
    const { shared = false, encryption = null } = kinds.get(volumeId) ?? {};
    return { device: shortDevice(device), path: guestPath.volume(volumeId, shared), serial: volumeId, shared, locked: encryption !== null, ...made };
  };
  const rootName = shortDevice(spec.rootDevice ?? 'vda');
  const root = rootDisk.kind === 'image' ? { device: rootName, path: guestPath.rootDisk(spec.id), serial: spec.id, ...made } : ofVolume(rootDisk.volumeId, rootName);
  const first = rescue ? [{ ...made, device: rootName, path: guestPath.rescueDisk(spec.id), serial: 'rescue' }, { ...root, device: shortDevice(rescue.rootDevice) }] : [root];
  const locals = (spec.localDisks ?? []).map(({ name, device }) => ({ ...made, device: shortDevice(device), path: guestPath.localDisk(spec.id, name), serial: name }));
  return [...first, ...locals, ...spec.volumes.map(({ volumeId, device }) => ofVolume(volumeId, device))];
}

/** `/dev/vdb` and `vdb` are the same. */
export function shortDevice(device: string): string {
  return device.replace(/^\/dev\//, '');
}

export function diskXml(disk: DomainDisk): string {
  return toText(diskElement(disk));
}

export function nicXml(nic: ServerSpec['nics'][number], hardware: GuestHardware): string {
  return toText(nicElement(nic, hardware));
}

/** The destination of a copy of a disk. `secretId`: by what it is locked. */
export function copyXml(path: string, format: DiskFormat, secretId?: string): string {
  return toText(element('disk', { type: 'file' }, element('driver', { type: format }), sourceElement(path, secretId)));
}

function sourceElement(path: string, secretId: string | undefined): Xml {
  return element('source', { file: path }, secretId === undefined ? null : element('encryption', { format: 'luks' }, element('secret', { type: 'passphrase', uuid: secretId })));
}

/** The data disks and interfaces that a running domain has, out of libvirt's own description. */
export function readDevices(xml: string): { disks: { device: string; serial: string; path: string; xml: string }[]; nics: { tap: string; mac: string; xml: string }[] } {
  const disks = [...xml.matchAll(/<disk [^>]*device='disk'[\s\S]*?<\/disk>/g)].map(([block]) => ({
    device: attribute(block, 'target', 'dev'),
    serial: /<serial>([^<]*)<\/serial>/.exec(block)?.[1] ?? '',
    path: attribute(block, 'source', 'file'),
    xml: block,
  }));
  const nics = [...xml.matchAll(/<interface [\s\S]*?<\/interface>/g)].map(([block]) => ({ tap: attribute(block, 'target', 'dev'), mac: attribute(block, 'mac', 'address'), xml: block }));
  return { disks, nics };
}

function attribute(block: string, name: string, key: string): string {
  return new RegExp(`<${name} [^>]*?\\b${key}='([^']*)'`).exec(block)?.[1] ?? '';
}

function cpu(accelerator: Accelerator, { processors }: GuestHardware): Xml {
  const topology = processors ? element('topology', processors) : null;
  // Images of this day want x86-64-v2 or v3, so an emulated processor offers all it can. Five levels of page tables would only cost time.
  return accelerator === 'kvm'
    ? element('cpu', { mode: 'host-passthrough', migratable: 'on' }, topology)
    : element('cpu', { mode: 'maximum' }, topology, element('feature', { policy: 'disable', name: 'la57' }));
}

function diskElement({ device, path, serial, shared = false, locked = false, bus = 'virtio', limits }: DomainDisk): Xml {
  return element(
    'disk',
    { type: 'file', device: 'disk' },
    // The format is told: a guest that writes another header into its disk changes nothing.
    // What others write is not to be looked for in a cache of our own.
    element('driver', { name: 'qemu', ...(shared ? { type: 'raw', cache: 'none' } : { type: 'qcow2', cache: 'writeback' }), discard: 'unmap' }),
    sourceElement(path, locked ? serial : undefined),
    element('target', { dev: device, bus }),
    limits ? element('iotune', {}, ...Object.entries(limits).map(([name, value]) => element(name, {}, String(value)))) : null,
    shared ? element('shareable') : null,
    // The guest sees the first 20 characters (virtio-blk's limit), as with Nova and Cinder.
    element('serial', {}, serial),
  );
}

function configDriveElement(serverId: string, { machine, cdromBus, diskBus }: GuestHardware): Xml {
  const bus = cdromBus ?? (isQ35(machine) ? 'sata' : 'ide');
  // Last of its line, where no disk is.
  const device = bus === 'ide' ? (diskBus === 'ide' ? 'hdd' : 'hda') : bus === 'virtio' ? 'vdz' : 'sdz';
  return element(
    'disk',
    { type: 'file', device: 'cdrom' },
    element('driver', { name: 'qemu', type: 'raw' }),
    element('source', { file: guestPath.configDrive(serverId) }),
    element('target', { dev: device, bus }),
    element('readonly'),
  );
}

function nicElement({ portId, mac, mtu }: ServerSpec['nics'][number], { nicModel = 'virtio', nicQueues }: GuestHardware): Xml {
  return element(
    'interface',
    { type: 'ethernet' },
    element('mac', { address: mac }),
    element('target', { dev: tapName(portId), managed: 'no' }),
    element('model', { type: nicModel }),
    // The userspace datapath takes a packet's checksum as it is, so neither side may leave it to the other.
    element(
      'driver',
      nicModel === 'virtio' && nicQueues !== undefined ? { queues: nicQueues } : {},
      element('host', { csum: 'off', gso: 'off', tso4: 'off', tso6: 'off', ecn: 'off', ufo: 'off', mrg_rxbuf: 'off' }),
      element('guest', { csum: 'off', tso4: 'off', tso6: 'off', ecn: 'off', ufo: 'off' }),
    ),
    element('mtu', { size: mtu }),
    // Nothing boots from the network, and each ROM costs the firmware time.
    element('rom', { enabled: 'no' }),
  );
}

const isQ35 = (machine = 'pc') => machine.includes('q35');

/** Of Debian's package ovmf. What a guest has set in it is a file beside its disk. */
const firmwares = {
  open: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', settings: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  // With Microsoft's keys enrolled.
  secure: { code: '/usr/share/OVMF/OVMF_CODE_4M.ms.fd', settings: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd' },
};

function systemElement(serverId: string, { machine = 'pc', firmware: kind, secureBoot, bootMenu }: GuestHardware): Xml {
  const firmware = firmwares[secureBoot ? 'secure' : 'open'];
  return element(
    'os',
    {},
    element('type', { arch: 'x86_64', machine }, 'hvm'),
    kind === 'uefi' ? element('loader', { readonly: 'yes', ...(secureBoot ? { secure: 'yes' } : {}), type: 'pflash' }, firmware.code) : null,
    kind === 'uefi' ? element('nvram', { template: firmware.settings }, guestPath.firmwareSettings(serverId)) : null,
    element('boot', { dev: 'hd' }),
    bootMenu ? element('bootmenu', { enable: 'yes', timeout: 5_000 }) : null,
  );
}

/** What only KVM knows of is left out elsewhere. */
function featuresElement({ hidden, pmu, windows, secureBoot }: GuestHardware, accelerator: Accelerator): Xml {
  const isKvm = accelerator === 'kvm';
  return element(
    'features',
    {},
    element('acpi'),
    element('apic'),
    // What is secured must not be reached by the guest's own kernel.
    secureBoot ? element('smm', { state: 'on' }) : null,
    hidden && isKvm ? element('kvm', {}, element('hidden', { state: 'on' })) : null,
    pmu === undefined ? null : element('pmu', { state: pmu ? 'on' : 'off' }),
    windows && isKvm ? element('hyperv', {}, ...['relaxed', 'vapic'].map((name) => element(name, { state: 'on' })), element('spinlocks', { state: 'on', retries: 8_191 })) : null,
  );
}

/** Windows takes the machine's clock for local time: nova/virt/libvirt/driver.py, _set_clock */
function clockElement({ windows }: GuestHardware): Xml {
  return windows ? element('clock', { offset: 'localtime' }) : element('clock', { offset: 'utc' });
}

function controllerElements({ diskBus, cdromBus, scsiModel, pointer }: GuestHardware): Xml[] {
  const usb = pointer === 'usb' || diskBus === 'usb' || cdromBus === 'usb';
  const scsi = scsiModel !== undefined && (diskBus === 'scsi' || cdromBus === 'scsi');
  return [element('controller', { type: 'usb', model: usb ? 'qemu-xhci' : 'none' }), ...(scsi ? [element('controller', { type: 'scsi', index: 0, model: scsiModel })] : [])];
}

function extraElements(serverId: string, { video = 'vga', videoMiB, randomness, watchdog, serialPorts = 1, pointer, agentChannel }: GuestHardware): Xml[] {
  const rate = randomness ? [element('rate', { bytes: randomness.bytes, ...(randomness.periodMs > 0 ? { period: randomness.periodMs } : {}) })] : [];
  return [
    ...Array.from({ length: serialPorts - 1 }, (_, index) => element('serial', { type: 'null' }, element('target', { port: index + 1 }))),
    ...(agentChannel ? [element('channel', { type: 'unix' }, element('source', { mode: 'bind', path: guestPath.agent(serverId) }), element('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' }))] : []),
    ...(pointer ? [element('input', { type: 'tablet', bus: pointer })] : []),
    element('video', {}, element('model', { type: video, ...(videoMiB === undefined || video === 'none' ? {} : { vram: videoMiB * 1024 }) })),
    ...(watchdog === undefined ? [] : [element('watchdog', { model: 'i6300esb', action: watchdog })]),
    // Without it a guest waits seconds for randomness before it answers by ssh.
    ...(randomness === null ? [] : [element('rng', { model: 'virtio' }, ...rate, element('backend', { model: 'random' }, '/dev/urandom'))]),
  ];
}
