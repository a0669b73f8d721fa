/** Which Open vSwitch and OVN are used: the distribution's, or a newer release's out of a root of its own. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';

export type EnginePrograms = {
  /** The path or name by which a program is run. */
  program(name: EngineProgram): string;
  schema(name: 'ovn-nb' | 'ovn-sb' | 'vswitch'): string;
};

export const engineProgramNames = [
  'ovsdb-server', 'ovsdb-tool', 'ovsdb-client', 'ovs-vsctl', 'ovs-vswitchd', 'ovs-appctl', 'ovs-ofctl',
  'ovn-nbctl', 'ovn-sbctl', 'ovn-northd', 'ovn-controller', 'ovn-appctl', 'ovn-trace',
] as const;
export type EngineProgram = (typeof engineProgramNames)[number];

/**
 * Open vSwitch 3.1 aborts in its connection tracking (`conn_type == CT_CONN_TYPE_DEFAULT`) when a load balancer is reached
 * through a router's NAT, and balances to one member only; 3.5 with OVN 25.03 does neither.
 */
export const wantedSwitchVersion: readonly [number, number] = [3, 5];

export function isWanted(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > wantedSwitchVersion[0] || (major === wantedSwitchVersion[0] && minor >= wantedSwitchVersion[1]);
}

/** `root` is where `installNewerEngines` unpacked them; without it, the distribution's. */
export function enginePrograms(root?: string): EnginePrograms {
  const share = join(root ?? '/', 'usr/share');
  return {
    program: (name) => (root ? join(root, wrapperFolder, name) : name),
    schema: (name) => (name === 'vswitch' ? join(share, 'openvswitch/vswitch.ovsschema') : join(share, 'ovn', `${name}.ovsschema`)),
  };
}

export const wrapperFolder = 'engines';

/** The programs that this host should use: the distribution's when they are new enough, else those unpacked in `root`. */
export async function chooseEnginePrograms(root: string): Promise<EnginePrograms | undefined> {
  const installed = await installedSwitchVersion();
  if (installed && isWanted(installed)) return enginePrograms();
  return (await isThere(join(root, wrapperFolder, 'complete'))) ? enginePrograms(root) : undefined;
}

async function installedSwitchVersion(): Promise<string | undefined> {
  if (!(await isThere('/usr/sbin/ovs-vswitchd')) || !(await isThere('/usr/bin/ovn-controller'))) return undefined;
  return /\) (\d+\.\d+)/.exec(await run('ovs-vswitchd', ['--version']))?.[1];
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}
