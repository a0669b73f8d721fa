/** Disks that a server has of its host besides its root: empty at first, and gone with it. nova/compute/api.py, _validate_bdm and _get_flavor_defined_bdms */
import { badRequest } from '../../kit/fault.ts';
import { nextDevice } from './device-names.ts';
import type { Flavor } from './flavors.ts';
import { diskPrefix } from './hardware.ts';
import type { DiskWish } from './server-disks.ts';

const formats = ['ext2', 'ext3', 'ext4'] as const;

export type LocalDisk = {
  /** `ephemeral0`, `ephemeral1`, … or `swap`. */
  name: string;
  sizeMiB: number;
  device: string;
  /** As what it is made ready; null: it stays empty. */
  format: (typeof formats)[number] | 'swap' | null;
  tag: string | null;
};

type Image = Readonly<Record<string, string>>;

/** nova/conf/compute.py, max_local_block_devices: with the root, when that is one. */
const mostLocal = 3;

/** Those that were asked for, or else those of the flavor, behind the root. */
export function localDisksFor({ flavor, image, wishes, hasLocalRoot }: { flavor: Flavor; image: Image; wishes: readonly DiskWish[]; hasLocalRoot: boolean }): LocalDisk[] {
  const [swaps, ephemerals] = [wishes.filter(isSwap), wishes.filter((wish) => !isSwap(wish))];
  const wanted = ephemerals.map(({ sizeGiB, guestFormat, tag }) => ({ sizeGiB: sizeGiB ?? flavor.ephemeralGiB, format: guestFormat === null ? usualFormat(image) : formatNamed(guestFormat), tag }));
  if (wanted.reduce((sum, { sizeGiB }) => sum + sizeGiB, 0) > flavor.ephemeralGiB)
    throw badRequest('Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor ephemeral size will be used.');
  if (wanted.length === 0 && flavor.ephemeralGiB > 0) wanted.push({ sizeGiB: flavor.ephemeralGiB, format: usualFormat(image), tag: null });
  if (swaps.length > 1) throw badRequest('Block Device Mapping is Invalid: More than one swap drive requested.');
  // nova/block_device.py says GiB of the request's sizes, and means MiB of this one.
  const swapMiB = swaps[0]?.sizeGiB ?? flavor.swapMiB;
  if (swapMiB > flavor.swapMiB) throw badRequest('Swap drive requested is larger than instance type allows.');
  if (wishes.length + (hasLocalRoot ? 1 : 0) > mostLocal) throw badRequest('Block Device Mapping is Invalid: You specified more local devices than the limit allows');
  const unnamed = [
    // nova/compute/api.py, _bdm_validate_set_size_and_instance: what has no size is not there.
    ...wanted.filter(({ sizeGiB }) => sizeGiB > 0).map(({ sizeGiB, format, tag }, index) => ({ name: `ephemeral${index}`, sizeMiB: sizeGiB * 1024, format, tag })),
    ...(swapMiB > 0 ? [{ name: 'swap', sizeMiB: swapMiB, format: 'swap' as const, tag: swaps[0]?.tag ?? null }] : []),
  ];
  return named(unnamed, { image, taken: [rootName(image)] });
}

/** What is there stays as it is, and swap is as the flavor says: nova/virt/libvirt/driver.py, migrate_disk_and_power_off and finish_migration */
export function localDisksAfter({ flavor, image, before, taken }: { flavor: Flavor; image: Image; before: readonly LocalDisk[]; taken: readonly string[] }): LocalDisk[] {
  const ephemerals = before.filter(({ name }) => name !== 'swap');
  const [had] = before.filter(({ name }) => name === 'swap');
  if (ephemerals.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0) > flavor.ephemeralGiB * 1024) throw badRequest('Server disk was unable to be resized because: Unable to resize disk down.');
  const kept = [...ephemerals, ...(had && flavor.swapMiB > 0 ? [{ ...had, sizeMiB: flavor.swapMiB }] : [])];
  const added = [
    ...(ephemerals.length === 0 && flavor.ephemeralGiB > 0 ? [{ name: 'ephemeral0', sizeMiB: flavor.ephemeralGiB * 1024, format: usualFormat(image), tag: null }] : []),
    ...(!had && flavor.swapMiB > 0 ? [{ name: 'swap', sizeMiB: flavor.swapMiB, format: 'swap' as const, tag: null }] : []),
  ];
  return [...kept, ...named(added, { image, taken: [rootName(image), ...taken, ...before.map(shortName)] })];
}

export function shortName({ device }: { device: string }): string {
  return device.replace('/dev/', '');
}

function named(disks: readonly Omit<LocalDisk, 'device'>[], { image, taken }: { image: Image; taken: readonly string[] }): LocalDisk[] {
  const names = [...taken];
  return disks.map((disk) => {
    const device = nextDevice(names, diskPrefix(image));
    names.push(device);
    return { ...disk, device: `/dev/${device}` };
  });
}

function rootName(image: Image): string {
  return `${diskPrefix(image)}a`;
}

function isSwap({ guestFormat }: DiskWish): boolean {
  return guestFormat === 'swap';
}

/** Windows makes its own: there is nothing here that could. */
function usualFormat({ os_type: system = 'linux' }: Image): 'ext4' | null {
  return system.toLowerCase() === 'windows' ? null : 'ext4';
}

function formatNamed(name: string): (typeof formats)[number] {
  const found = formats.find((each) => each === name);
  if (found === undefined) throw badRequest(`Block Device Mapping is Invalid: disks are not formatted as ${name} here, but as ${formats.join(', ')} or swap.`);
  return found;
}
