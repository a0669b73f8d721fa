/** The one host that this driver is on. */
import { statfs } from 'node:fs/promises';
import { arch, cpus, hostname, totalmem, uptime } from 'node:os';
import type { HostDriver } from '../driver.ts';
import type { Libvirt } from './libvirt/libvirt.ts';

export function createHostDriver({ hostId, address, stateDir, libvirt }: { hostId: string; address: string; stateDir: string; libvirt: Libvirt }): HostDriver {
  // To the minute: it is computed from two clocks that differ by some milliseconds each time.
  const startedAt = new Date(Math.floor((Date.now() - uptime() * 1000) / 60_000) * 60_000);
  return {
    async list() {
      const [disk, { hypervisor }] = await Promise.all([statfs(stateDir), libvirt.version()]);
      const processors = cpus();
      return [
        {
          id: hostId,
          hostname: hostname(),
          hypervisorType: 'QEMU',
          hypervisorVersion: hypervisor, // libvirt counts as Nova does
          address,
          cpuModel: processors[0]?.model ?? 'unknown',
          architecture: arch() === 'x64' ? 'x86_64' : 'aarch64',
          vcpus: processors.length,
          memoryMiB: Math.floor(totalmem() / 2 ** 20),
          diskGiB: Math.floor((disk.blocks * disk.bsize) / 2 ** 30),
          freeDiskGiB: Math.floor((disk.bavail * disk.bsize) / 2 ** 30),
          startedAt: startedAt.toISOString(),
        },
      ];
    },
  };
}
