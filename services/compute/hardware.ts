/** The machine that an image and a flavor ask for, as far as it is not the usual one: nova/objects/image_meta.py, ImageMetaProps; nova/virt/hardware.py */
import type { GuestHardware } from '../../drivers/driver.ts';
import { badRequest } from '../../kit/fault.ts';
import { cellsOf } from '../placement/cells.ts';
import { demandPolicies } from './processor-policies.ts';

type Specs = Readonly<Record<string, string>>;
/** `image`: what it says of itself, by the names of today. */
export type Asked = { flavor: { name: string; vcpus: number; memoryMiB: number; extraSpecs: Specs }; image: Specs };

const truths = ['true', 'false'];
const buses = ['fdc', 'ide', 'sata', 'scsi', 'usb', 'virtio', 'xen', 'lxc', 'uml'];

/** nova/objects/fields.py */
const words: Readonly<Record<string, readonly string[]>> = {
  hw_cdrom_bus: buses,
  hw_disk_bus: buses,
  hw_rescue_bus: buses,
  hw_firmware_type: ['uefi', 'bios'],
  hw_input_bus: ['usb', 'virtio'],
  hw_pointer_model: ['usbtablet'],
  hw_rng_model: ['virtio'],
  hw_scsi_model: ['buslogic', 'ibmvscsi', 'lsilogic', 'lsisas1068', 'lsisas1078', 'virtio-scsi', 'vmpvscsi'],
  hw_sound_model: ['sb16', 'es1370', 'pcspk', 'ac97', 'ich6', 'ich9', 'usb', 'virtio'],
  hw_usb_model: ['none', 'nec-xhci', 'qemu-xhci'],
  hw_video_model: ['cirrus', 'qxl', 'vga', 'vmvga', 'xen', 'virtio', 'gop', 'none', 'bochs'],
  hw_vif_model: ['virtio', 'ne2k_pci', 'pcnet', 'rtl8139', 'e1000', 'e1000e', 'netfront', 'spapr-vlan', 'lan9118', 'sriov', 'vmxnet', 'vmxnet3', 'igb'],
  hw_watchdog_action: ['none', 'pause', 'poweroff', 'reset', 'disabled'],
  os_secure_boot: ['required', 'disabled', 'optional'],
};

const numbers = ['hw_cpu_cores', 'hw_cpu_sockets', 'hw_cpu_threads', 'hw_cpu_max_cores', 'hw_cpu_max_sockets', 'hw_cpu_max_threads', 'hw_numa_nodes', 'hw_serial_port_count', 'hw_video_ram'] as const;

/** Throws a Fault for what is no such thing, or asks for more than the flavor lets it: nova/compute/api.py, _validate_flavor_image_numa_pci */
export function demandHardware({ flavor, image }: Asked): void {
  for (const [name, allowed] of Object.entries(words)) {
    const value = image[name];
    if (value !== undefined && !allowed.includes(value)) throw invalidImage(`Field value ${value} is invalid`);
  }
  for (const name of numbers) if (image[name] !== undefined && !/^\s*-?\d{1,9}\s*$/.test(image[name])) throw invalidImage(`invalid literal for int() with base 10: '${image[name]}'`);
  const [ports, most] = [Number(image['hw_serial_port_count'] ?? 0), Number(flavor.extraSpecs['hw:serial_port_count'] ?? 0)];
  if (most > 0 && ports > most) throw badRequest('Forbidden to exceed flavor value of number of serial ports passed in image meta.');
  demandSame({ flavor, image }, 'pmu', truthOf);
  if (flavor.vcpus > 1) demandSame({ flavor, image }, 'vif_multiqueue_enabled', truthOf);
  demandSame({ flavor, image }, 'secure_boot', (value) => value, 'os');
  // nova/virt/libvirt/driver.py, _configure_guest_by_virt_type: there the host refuses it, after the API has said yes.
  const isSecured = (flavor.extraSpecs['os:secure_boot'] ?? image['os_secure_boot']) === 'required';
  if (isSecured && (image['hw_firmware_type'] === 'bios' || !(image['hw_machine_type'] ?? 'q35').includes('q35'))) throw badRequest('Secure Boot is not supported by host: it takes hw_firmware_type=uefi and hw_machine_type=q35.');
  processorsOf({ flavor, image });
  demandPolicies(flavor, image);
  cellsOf(flavor, image);
}

/** Empty: the usual machine. What a value means that nobody knows is not guessed. */
export function hardwareOf({ flavor, image }: Asked): GuestHardware {
  const { extraSpecs: specs, vcpus } = flavor;
  const word = (name: keyof typeof words) => (image[name] !== undefined && words[name]!.includes(image[name]) ? image[name] : undefined);
  const watchdog = specs['hw:watchdog_action'] ?? word('hw_watchdog_action');
  const [videoMiB, mostMiB] = [Number(image['hw_video_ram'] ?? 0), Number(specs['hw_video:ram_max_mb'] ?? 0)];
  const multiqueue = truthOf(specs['hw:vif_multiqueue_enabled']) ?? truthOf(image['hw_vif_multiqueue_enabled']) ?? false;
  const ports = Number(image['hw_serial_port_count'] ?? specs['hw:serial_port_count'] ?? 1);
  const bytes = Number(specs['hw_rng:rate_bytes'] ?? 0);
  const limits = Object.fromEntries(diskLimits.flatMap((name) => (Number(specs[`quota:disk_${name}`] ?? 0) > 0 ? [[name, Number(specs[`quota:disk_${name}`])]] : [])));
  const topology = [...topologyKeys, ...topologyKeys.map((key) => `max_${key}` as const)].some((key) => `hw:cpu_${key}` in specs || `hw_cpu_${key}` in image);
  const secureBoot = (specs['os:secure_boot'] ?? word('os_secure_boot')) === 'required';
  return withoutEmpty({
    machine: image['hw_machine_type'] ?? (secureBoot ? 'q35' : undefined),
    firmware: word('hw_firmware_type') === 'uefi' || secureBoot ? 'uefi' : undefined,
    secureBoot: secureBoot || undefined,
    diskBus: word('hw_disk_bus'),
    cdromBus: word('hw_cdrom_bus'),
    scsiModel: word('hw_scsi_model'),
    nicModel: word('hw_vif_model'),
    nicQueues: multiqueue && vcpus > 1 ? vcpus : undefined,
    video: word('hw_video_model'),
    videoMiB: videoMiB > 0 && videoMiB <= mostMiB ? videoMiB : undefined,
    randomness: truthOf(specs['hw_rng:allowed']) === false ? null : bytes > 0 ? { bytes, periodMs: Number(specs['hw_rng:rate_period'] ?? 0) } : undefined,
    watchdog: watchdog === undefined || watchdog === 'disabled' ? undefined : watchdog,
    bootMenu: (truthOf(specs['hw:boot_menu']) ?? truthOf(image['hw_boot_menu'])) || undefined,
    processors: topology ? processorsOf({ flavor, image }) : undefined,
    hidden: (truthOf(specs['hw:hide_hypervisor_id'] ?? specs['hide_hypervisor_id']) ?? truthOf(image['img_hide_hypervisor_id'])) || undefined,
    pmu: truthOf(specs['hw:pmu']) ?? truthOf(image['hw_pmu']),
    serialPorts: ports > 1 ? ports : undefined,
    pointer: word('hw_pointer_model') !== undefined || word('hw_input_bus') === 'usb' ? 'usb' : word('hw_input_bus') === 'virtio' ? 'virtio' : undefined,
    agentChannel: truthOf(image['hw_qemu_guest_agent']) || undefined,
    windows: image['os_type']?.toLowerCase() === 'windows' || undefined,
    diskLimits: Object.keys(limits).length > 0 ? limits : undefined,
  });
}

/** What a guest's kernel calls the disks of an image that says this: nova/virt/libvirt/blockinfo.py, get_dev_prefix_for_disk_bus */
export function diskPrefix({ hw_disk_bus: bus = 'virtio' }: Specs): string {
  return { ide: 'hd', sata: 'sd', scsi: 'sd', usb: 'sd' }[bus] ?? 'vd';
}

const topologyKeys = ['sockets', 'cores', 'threads'] as const;
type Topology = Record<(typeof topologyKeys)[number], number>;

/** nova/virt/hardware.py, get_cpu_topology_constraints and get_best_cpu_topology */
function processorsOf({ flavor, image }: Asked): Topology {
  const { extraSpecs: specs, vcpus } = flavor;
  const read = (source: Specs, prefix: string) => topology((key) => Number(source[`${prefix}${key}`] ?? 0));
  const [flavorMost, imageMost] = [read(specs, 'hw:cpu_max_'), read(image, 'hw_cpu_max_')];
  if (exceeds(imageMost, flavorMost)) throw badRequest(`Image vCPU topology limits (${told(imageMost)}) exceeds the limits of the flavor (${told(flavorMost)})`);
  const most = topology((key) => imageMost[key] || flavorMost[key] || 65_536);
  const [flavors, images] = [read(specs, 'hw:cpu_'), read(image, 'hw_cpu_')];
  if (exceeds(images, most)) throw badRequest(`Image vCPU topology (${told(images)}) exceeds the limits of the flavor or image (${told(most)})`);
  const wanted = topologyKeys.some((key) => images[key] > 0) ? images : exceeds(flavors, most) ? topology(() => 0) : flavors;
  const possible: Topology[] = [];
  // As many sockets as possible, and few threads.
  for (let sockets = Math.min(vcpus, most.sockets); sockets >= 1; sockets--)
    for (let cores = Math.min(vcpus, most.cores); cores >= 1; cores--) {
      const threads = vcpus / (sockets * cores);
      if (Number.isInteger(threads) && threads <= most.threads) possible.push({ sockets, cores, threads });
    }
  const matching = (each: Topology) => topologyKeys.filter((key) => wanted[key] > 0 && wanted[key] === each[key]).length;
  const [best] = possible.toSorted((one, other) => matching(other) - matching(one) || other.sockets * other.cores - one.sockets * one.cores || other.sockets - one.sockets);
  if (!best) throw badRequest(`Requested vCPU limits ${topologyKeys.map((key) => Math.min(vcpus, most[key])).join(':')} are impossible to satisfy for vcpus count ${vcpus}`);
  return best;
}

function topology(valueOf: (key: keyof Topology) => number): Topology {
  return { sockets: valueOf('sockets'), cores: valueOf('cores'), threads: valueOf('threads') };
}

/** Nothing exceeds what has no limit. */
function exceeds(one: Topology, limits: Topology): boolean {
  return topologyKeys.some((key) => limits[key] > 0 && one[key] > limits[key]);
}

function told(each: Topology): string {
  return topologyKeys.map((key) => `${key}=${each[key]}`).join(', ');
}

const diskLimits = ['read_bytes_sec', 'read_iops_sec', 'write_bytes_sec', 'write_iops_sec', 'total_bytes_sec', 'total_iops_sec'] as const;

function demandSame({ flavor, image }: Asked, key: string, read: (value: string | undefined) => unknown, prefix = 'hw'): void {
  const [flavors, images] = [read(flavor.extraSpecs[`${prefix}:${key}`]), read(image[`${prefix}_${key}`])];
  if (flavors !== undefined && images !== undefined && flavors !== images)
    throw badRequest(`Flavor ${flavor.name} has ${prefix}:${key} extra spec explicitly set to ${said(flavors)}, conflicting with the image, which has ${prefix}_${key} explicitly set to ${said(images)}.`);
}

function said(value: unknown): string {
  return typeof value === 'boolean' ? `${value ? 'T' : 'F'}${truths[value ? 0 : 1]!.slice(1)}` : String(value);
}

/** As oslo.utils reads it: what is no yes is a no. */
function truthOf(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : ['1', 't', 'true', 'on', 'y', 'yes'].includes(value.trim().toLowerCase());
}

function invalidImage(message: string) {
  return badRequest(`Invalid image metadata. Error: ${message}`);
}

function withoutEmpty(hardware: { [Key in keyof GuestHardware]: GuestHardware[Key] | undefined }): GuestHardware {
  return Object.fromEntries(Object.entries(hardware).filter(([, value]) => value !== undefined)) as GuestHardware;
}
