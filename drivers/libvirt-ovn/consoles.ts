/** What a machine shows, by the sockets that its QEMU listens on: whoever may open them is let in. */
import { connect, type Socket } from 'node:net';
import { DriverError, type ConsoleDriver } from '../driver.ts';
import type { Disks } from './disks.ts';
import type { Libvirt } from './libvirt/libvirt.ts';
import { requireId } from './records.ts';
import { isActive } from './running-disks.ts';
import { serverPaths } from './server-disks.ts';

const answersWithinMs = 5_000;

export function createConsoleDriver({ hostId, libvirt, disks }: { hostId: string; libvirt: Libvirt; disks: Disks }): ConsoleDriver {
  return {
    async open({ serverId, hostId: wanted, kind }) {
      const domain = wanted === hostId ? await libvirt.findDomain(requireId(serverId)) : undefined;
      if (!domain || !isActive((await libvirt.state(domain)).state)) throw new DriverError('missing', `There is no server ${serverId} that runs on host ${wanted}`);
      return reach(serverPaths(disks, serverId)[kind], serverId);
    },
  };
}

function reach(path: string, serverId: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      socket.destroy();
      reject(new DriverError('unavailable', `The console of the server ${serverId} does not answer: ${cause.message}`, { cause }));
    };
    const socket = connect({ path, timeout: answersWithinMs }, () => {
      socket.off('error', fail);
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('error', fail);
    socket.once('timeout', () => fail(new Error(`no answer in ${answersWithinMs} ms`)));
  });
}
