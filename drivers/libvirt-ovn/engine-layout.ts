/** Where one cloud's engines keep what they need: every socket, pid file, log and name derives from the state folder and the cloud's short id. */
import { join } from 'node:path';
import { DriverError } from '../driver.ts';

export type EngineLayout = ReturnType<typeof engineLayout>;

/**
 * Every cloud has a network namespace of its own, which holds its switch, its taps, its libvirtd and its guests.
 *
 * Two switches with the userspace datapath cannot share one: each makes a tap named `ovs-netdev`, and the second one fails with
 * "failed to open datapath of type netdev". It is the safer choice too: a guest's packets never meet the
 * host's own stack, a QEMU that was broken out of finds no network but its cloud's, and names need no prefix inside.
 */
export function engineLayout({ stateDir, cloudId }: { stateDir: string; cloudId: string }) {
  // `ic` + id + a suffix must fit the 15 bytes of an interface's name.
  if (!/^[a-z0-9]{1,8}$/.test(cloudId)) throw new DriverError('invalid', `A cloud's short id is 1 to 8 of a-z and 0-9, not ${JSON.stringify(cloudId)}`);
  const engines = join(stateDir, 'engines');
  const libvirt = join(stateDir, 'libvirt');
  const layout = {
    stateDir,
    cloudId,
    /** Sockets, pid files, logs and databases of Open vSwitch and OVN. */
    runDirectory: engines,
    namespace: `ic-${cloudId}`,
    networkNamespacePath: `/run/netns/ic-${cloudId}`,
    nbSocket: join(engines, 'ovnnb.sock'),
    sbSocket: join(engines, 'ovnsb.sock'),
    confSocket: join(engines, 'conf.sock'),
    integrationBridge: 'br-int',
    externalBridge: 'br-ex',
    physicalNetwork: 'external',
    /** By which tunnels to other hosts leave the namespace. */
    underlayBridge: 'br-phy',
    /** The host's end of the veth to it, in the host's own namespace. */
    underlayInterface: `ic${cloudId}un`,
    /** The host's end of the veth to the external bridge, in the host's own namespace. */
    externalInterface: `ic${cloudId}ex`,
    libvirtDirectory: libvirt,
    libvirtSocket: join(libvirt, 'run', 'libvirt-sock'),
    /** Everything that a guest's QEMU opens is under here, and nothing else of the host's. */
    computeDirectory: join(stateDir, 'compute'),
    /** Where a running server's screen is served by VNC; root and QEMU's user may open it. */
    vncSocket: (serverId: string) => join(stateDir, 'compute', 'vnc', serverId),
  };
  // A unix socket's path has 108 bytes with its final zero (unix(7)).
  for (const path of [join(engines, 'vswitchd.12345678.ctl'), layout.libvirtSocket])
    if (Buffer.byteLength(path) > 107) throw new DriverError('invalid', `The state folder's path is too long for a socket in it: ${path}`);
  return layout;
}

/** The compute folder as libvirt and QEMU see it: mounted there in their own mount namespace, so that no folder above it need be open to QEMU's user. */
export const guestView = '/var/lib/libvirt/images';
