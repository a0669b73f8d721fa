/** A server as libvirt's domain, and what is read back from a domain that runs. */
import type { ServerSpec } from '../driver.ts';
import type { Accelerator } from './accelerator.ts';
import { guestView } from './engine-layout.ts';
import { tapName } from './taps.ts';
import { element, toText, type Xml } from './xml.ts';

export type DomainDisk = { device: string; path: string; serial: string };

/** Paths as QEMU sees them, under `guestView`. */
export const guestPath = {
  rootDisk: (serverId: string) => `${guestView}/servers/${serverId}/root.qcow2`,
  rescueDisk: (serverId: string) => `${guestView}/servers/${serverId}/rescue.qcow2`,
  configDrive: (serverId: string) => `${guestView}/servers/${serverId}/config.iso`,
  console: (serverId: string) => `${guestView}/servers/${serverId}/console.log`,
  vnc: (serverId: string) => `${guestView}/vnc/${serverId}`,
  volume: (volumeId: string) => `${guestView}/volumes/${volumeId}.qcow2`,
};

export function domainXml(spec: ServerSpec, { accelerator, emulator }: { accelerator: Accelerator; emulator: string }): string {
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
      element('os', {}, element('type', { arch: 'x86_64', machine: 'pc' }, 'hvm'), element('boot', { dev: 'hd' })),
      element('features', {}, element('acpi'), element('apic')),
      cpu(accelerator),
      element('clock', { offset: 'utc' }),
      element('on_poweroff', {}, 'destroy'),
      element('on_reboot', {}, 'restart'),
      element('on_crash', {}, 'destroy'),
      element(
        'devices',
        {},
        element('emulator', {}, emulator),
        ...disksOf(spec).map(diskElement),
        spec.configDrive ? configDriveElement(spec.id) : null,
        element('controller', { type: 'usb', model: 'none' }),
        ...spec.nics.map(nicElement),
        element('serial', { type: 'file' }, element('source', { path: guestPath.console(spec.id), append: 'on' }), element('target', { port: 0 })),
        // By a socket of its own: reached by whoever may open the file, and by no guest.
        element('graphics', { type: 'vnc' }, element('listen', { type: 'socket', socket: guestPath.vnc(spec.id) })),
        element('video', {}, element('model', { type: 'vga' })),
        // Without it a guest waits seconds for randomness before it answers by ssh.
        element('rng', { model: 'virtio' }, element('backend', { model: 'random' }, '/dev/urandom')),
        element('memballoon', { model: 'virtio' }),
      ),
    ),
  );
}

/** All disks that hold data, the one that it starts from first. */
export function disksOf(spec: ServerSpec): DomainDisk[] {
  const { rootDisk, rescue } = spec;
  const root =
    rootDisk.kind === 'image' ? { device: 'vda', path: guestPath.rootDisk(spec.id), serial: spec.id } : { device: 'vda', path: guestPath.volume(rootDisk.volumeId), serial: rootDisk.volumeId };
  const first = rescue ? [{ device: 'vda', path: guestPath.rescueDisk(spec.id), serial: 'rescue' }, { ...root, device: shortDevice(rescue.rootDevice) }] : [root];
  return [...first, ...spec.volumes.map(({ volumeId, device }) => ({ device: shortDevice(device), path: guestPath.volume(volumeId), serial: volumeId }))];
}

/** `/dev/vdb` and `vdb` are the same. */
export function shortDevice(device: string): string {
  return device.replace(/^\/dev\//, '');
}

export function diskXml(disk: DomainDisk): string {
  return toText(diskElement(disk));
}

export function nicXml(nic: ServerSpec['nics'][number]): string {
  return toText(nicElement(nic));
}

/** The destination of a copy of a disk. */
export function copyXml(path: string): string {
  return toText(element('disk', { type: 'file' }, element('driver', { type: 'qcow2' }), element('source', { file: path })));
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

function cpu(accelerator: Accelerator): Xml {
  // Images of this day want x86-64-v2 or v3, so an emulated processor offers all it can. Five levels of page tables would only cost time.
  return accelerator === 'kvm'
    ? element('cpu', { mode: 'host-passthrough', migratable: 'on' })
    : element('cpu', { mode: 'maximum' }, element('feature', { policy: 'disable', name: 'la57' }));
}

function diskElement({ device, path, serial }: DomainDisk): Xml {
  return element(
    'disk',
    { type: 'file', device: 'disk' },
    // The format is told: a guest that writes another header into its disk changes nothing.
    element('driver', { name: 'qemu', type: 'qcow2', cache: 'writeback', discard: 'unmap' }),
    element('source', { file: path }),
    element('target', { dev: device, bus: 'virtio' }),
    // The guest sees the first 20 characters (virtio-blk's limit), as with Nova and Cinder.
    element('serial', {}, serial),
  );
}

function configDriveElement(serverId: string): Xml {
  return element(
    'disk',
    { type: 'file', device: 'cdrom' },
    element('driver', { name: 'qemu', type: 'raw' }),
    element('source', { file: guestPath.configDrive(serverId) }),
    element('target', { dev: 'hda', bus: 'ide' }),
    element('readonly'),
  );
}

function nicElement({ portId, mac, mtu }: ServerSpec['nics'][number]): Xml {
  return element(
    'interface',
    { type: 'ethernet' },
    element('mac', { address: mac }),
    element('target', { dev: tapName(portId), managed: 'no' }),
    element('model', { type: 'virtio' }),
    // The userspace datapath takes a packet's checksum as it is, so neither side may leave it to the other.
    element(
      'driver',
      {},
      element('host', { csum: 'off', gso: 'off', tso4: 'off', tso6: 'off', ecn: 'off', ufo: 'off', mrg_rxbuf: 'off' }),
      element('guest', { csum: 'off', tso4: 'off', tso6: 'off', ecn: 'off', ufo: 'off' }),
    ),
    element('mtu', { size: mtu }),
    // Nothing boots from the network, and each ROM costs the firmware time.
    element('rom', { enabled: 'no' }),
  );
}
