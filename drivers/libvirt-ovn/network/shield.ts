/**
 * Hides a tap or veth from the network stack of the namespace that it is in.
 *
 * With the userspace datapath the switch reads a copy of every packet, and the kernel sees it too: it would answer ARP and
 * take traffic for any address of its namespace, past OVN and its rules. The netdev ingress hook runs after the copy
 * is taken, so a drop there leaves the switch working. Every interface on the integration bridge needs it.
 */
import { DriverError } from '../../driver.ts';
import { run } from '../command.ts';

/** The path of the network namespace that the interface is in, when it is not this process's own. */
export type Where = { namespace?: string };

/** Repeating it changes nothing. The interface must be there; when it is made anew, it is to be shielded anew. */
export async function shieldInterface(name: string, { namespace }: Where = {}): Promise<void> {
  const table = tableOf(name);
  await run('nft', ['-f', '-'], {
    namespace,
    input: `add table netdev ${table}
delete table netdev ${table}
table netdev ${table} {
  chain ingress {
    type filter hook ingress device "${name}" priority 0; policy drop;
  }
}
`,
  });
  // Nor may the kernel speak on it: router solicitations and the like would reach the guest as if from its network.
  await run('ip', ['link', 'set', 'dev', name, 'addrgenmode', 'none'], { namespace });
}

/** The interface may be gone already. */
export async function unshieldInterface(name: string, { namespace }: Where = {}): Promise<void> {
  const table = tableOf(name);
  await run('nft', ['-f', '-'], { namespace, input: `add table netdev ${table}\ndelete table netdev ${table}\n` });
}

function tableOf(name: string): string {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(name)) throw new DriverError('invalid', `${JSON.stringify(name)} is no interface name`);
  return `shield_${name}`;
}
