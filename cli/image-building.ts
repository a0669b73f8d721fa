/** Brings a disk that was made on this machine into the cloud. */
import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Client } from '../contract/client.ts';
import type { image } from '../contract/image/service.ts';
import { Failure } from './failure.ts';

/** What guest/build.sh calls, and the packages of Debian and Ubuntu that have it. */
const programs = {
  syslinux: 'syslinux syslinux-common', mcopy: 'mtools', 'mkfs.fat': 'dosfstools', mke2fs: 'e2fsprogs', sfdisk: 'fdisk', cpio: 'cpio', fakeroot: 'fakeroot',
  depmod: 'kmod', lz4: 'lz4', xz: 'xz-utils', zstd: 'zstd', 'qemu-img': 'qemu-utils', 'dpkg-deb': 'dpkg', 'apt-cache': 'apt',
} as const;

/** Told before anything is downloaded. */
export async function demandBuildable(path = process.env['PATH'] ?? ''): Promise<void> {
  const folders = [...path.split(delimiter), '/usr/sbin', '/sbin'];
  const isThere = async (name: string) => (await Promise.all(folders.map((folder) => access(join(folder, name), constants.X_OK).then(() => true, () => false)))).includes(true);
  const missing = (await Promise.all(Object.entries(programs).map(async ([name, packages]) => ((await isThere(name)) ? [] : [{ name, packages }])))).flat();
  if (missing.length === 0) return;
  throw new Failure(`The image cannot be built here without ${missing.map(({ name }) => name).join(', ')}`, `apt-get install ${missing.map(({ packages }) => packages).join(' ')}`);
}

export type Bringing = { images: Client<typeof image>; path: string; name: string; visibility: 'public' | 'private' };

/** The id of the image. Without one: nothing of it is left. */
export async function bringGuestImage({ images, path, name, visibility }: Bringing): Promise<string> {
  const properties = { os_type: 'linux', os_distro: 'cirros', os_admin_user: 'cirros', hw_disk_bus: 'virtio', hw_vif_model: 'virtio', hw_rng_model: 'virtio' };
  const { body } = await images.images.create({ body: { name, disk_format: 'qcow2', container_format: 'bare', visibility, min_disk: 1, min_ram: 64, ...properties } });
  const params = { image_id: body.id ?? '' };
  try {
    await images.imageData.upload({ params, body: createReadStream(path) as never });
  } catch (error) {
    await images.images.delete({ params });
    throw error;
  }
  return params.image_id;
}
