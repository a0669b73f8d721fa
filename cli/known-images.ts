/** Cloud images whose makers publish them with their sums: where they are, and what they need. */

export type KnownImage = {
  /** Of the folder that holds the image and its sums. */
  from: string;
  file: string;
  /** `{file}` stands for the image's name. */
  sums: string;
  algorithm: 'sha256' | 'sha512' | 'md5';
  diskFormat: 'qcow2' | 'raw';
  minDiskGiB: number;
  minRamMiB: number;
  /** By the names that OpenStack's other tools know. */
  properties: Record<string, string>;
};

const virtio = { hw_disk_bus: 'virtio', hw_vif_model: 'virtio', hw_rng_model: 'virtio', os_type: 'linux' };

export const knownImages: Readonly<Record<string, KnownImage>> = {
  debian: {
    from: 'https://cloud.debian.org/images/cloud/trixie/latest/',
    file: 'debian-13-genericcloud-amd64.qcow2',
    sums: 'SHA512SUMS',
    algorithm: 'sha512',
    diskFormat: 'qcow2',
    minDiskGiB: 3,
    minRamMiB: 256,
    properties: { ...virtio, os_distro: 'debian', os_version: '13', os_admin_user: 'debian' },
  },
  ubuntu: {
    from: 'https://cloud-images.ubuntu.com/noble/current/',
    file: 'noble-server-cloudimg-amd64.img',
    sums: 'SHA256SUMS',
    algorithm: 'sha256',
    diskFormat: 'qcow2',
    minDiskGiB: 4,
    minRamMiB: 512,
    properties: { ...virtio, os_distro: 'ubuntu', os_version: '24.04', os_admin_user: 'ubuntu' },
  },
  cirros: {
    from: 'https://download.cirros-cloud.net/0.6.3/',
    file: 'cirros-0.6.3-x86_64-disk.img',
    sums: 'MD5SUMS',
    algorithm: 'md5',
    diskFormat: 'qcow2',
    minDiskGiB: 1,
    minRamMiB: 64,
    properties: { ...virtio, os_distro: 'cirros', os_version: '0.6.3', os_admin_user: 'cirros' },
  },
  alpine: {
    from: 'https://dl-cdn.alpinelinux.org/alpine/v3.22/releases/cloud/',
    file: 'generic_alpine-3.22.1-x86_64-bios-cloudinit-r0.qcow2',
    sums: '{file}.sha512',
    algorithm: 'sha512',
    diskFormat: 'qcow2',
    minDiskGiB: 1,
    minRamMiB: 128,
    properties: { ...virtio, os_distro: 'alpine', os_version: '3.22', os_admin_user: 'alpine' },
  },
  rocky: {
    from: 'https://dl.rockylinux.org/pub/rocky/9/images/x86_64/',
    file: 'Rocky-9-GenericCloud-Base.latest.x86_64.qcow2',
    sums: '{file}.CHECKSUM',
    algorithm: 'sha256',
    diskFormat: 'qcow2',
    minDiskGiB: 10,
    minRamMiB: 1024,
    properties: { ...virtio, os_distro: 'rocky', os_version: '9', os_admin_user: 'rocky' },
  },
  almalinux: {
    from: 'https://repo.almalinux.org/almalinux/9/cloud/x86_64/images/',
    file: 'AlmaLinux-9-GenericCloud-latest.x86_64.qcow2',
    sums: 'CHECKSUM',
    algorithm: 'sha256',
    diskFormat: 'qcow2',
    minDiskGiB: 10,
    minRamMiB: 1024,
    properties: { ...virtio, os_distro: 'almalinux', os_version: '9', os_admin_user: 'almalinux' },
  },
};
