/** The taps by which guests reach the integration bridge: made by us, hidden from the host's own stack, and plugged in. */
import { DriverError } from '../driver.ts';
import { run } from './command.ts';
import type { EngineLayout } from './engine-layout.ts';
import { type LocalSwitch, plugInterface, unplugInterface } from './network/plug.ts';
import { shieldInterface, unshieldInterface } from './network/shield.ts';

export type Nic = { portId: string; mac: string; mtu: number };

/** As Nova names them: the first 11 characters of the port's id. */
export function tapName(portId: string): string {
  return `tap${portId.slice(0, 11)}`;
}

export type Taps = {
  /** Makes the port's tap and plugs it in; after a restart of the host or the switch, again. */
  ensure(nic: Nic): Promise<void>;
  remove(portId: string): Promise<void>;
};

export function createTaps({ layout, localSwitch }: { layout: EngineLayout; localSwitch: LocalSwitch }): Taps {
  const { namespace: name, networkNamespacePath: namespace } = layout;
  return {
    async ensure({ portId, mac, mtu }) {
      const tap = tapName(portId);
      const links = JSON.parse((await run('ip', ['-n', name, '-j', 'link', 'show'])) || '[]') as { ifname: string }[];
      if (!links.some(({ ifname }) => ifname === tap)) await run('ip', ['-n', name, 'tuntap', 'add', tap, 'mode', 'tap']);
      // Before it is up: not one packet of it is for the host.
      await shieldInterface(tap, { namespace });
      await run('ip', ['-n', name, 'link', 'set', tap, 'mtu', String(mtu), 'up']);
      await plugInterface(localSwitch, { name: tap, portId, mac });
    },
    async remove(portId) {
      const tap = tapName(portId);
      await unplugInterface(localSwitch, tap);
      await unshieldInterface(tap, { namespace });
      await run('ip', ['-n', name, 'link', 'delete', tap]).catch((error: unknown) => {
        if (!(error instanceof DriverError && error.message.includes('Cannot find device'))) throw error;
      });
    },
  };
}
