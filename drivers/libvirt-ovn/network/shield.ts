/**
 * Hides a tap or veth from the host's own network stack.
 *
 * With the userspace datapath the switch reads a copy of every packet, and the kernel sees it too: it would answer ARP and
 * take traffic for any address of its namespace, past OVN and its rules. The netdev ingress hook runs after the copy
 * is taken, so a drop there leaves the switch working. Every interface on the integration bridge needs it.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { DriverError } from '../../driver.ts';

/** Repeating it changes nothing. The interface must be there; when it is made anew, it is to be shielded anew. */
export async function shieldInterface(name: string): Promise<void> {
  const table = tableOf(name);
  await nft(`add table netdev ${table}
delete table netdev ${table}
table netdev ${table} {
  chain ingress {
    type filter hook ingress device "${name}" priority 0; policy drop;
  }
}
`);
  // Nor may the host speak on it: router solicitations and the like would reach the guest as if from its network.
  try {
    await writeFile(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // A kernel without IPv6 does not speak it.
  }
}

export async function unshieldInterface(name: string): Promise<void> {
  const table = tableOf(name);
  await nft(`add table netdev ${table}\ndelete table netdev ${table}\n`);
}

function tableOf(name: string): string {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(name)) throw new DriverError('invalid', `${JSON.stringify(name)} is no interface name`);
  return `shield_${name}`;
}

async function nft(ruleset: string): Promise<void> {
  const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'], timeout: 10_000 });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  child.on('error', (cause) => reject(new DriverError('unavailable', 'Cannot run nft', { cause })));
  child.stdin.on('error', (cause) => reject(new DriverError('failed', 'nft did not read its rules', { cause })));
  child.on('close', (code) => {
    if (code === 0) resolve();
    else reject(new DriverError(complaint.includes('No such file') ? 'missing' : 'failed', `nft: ${complaint.trim()}`));
  });
  child.stdin.end(ruleset);
  await promise;
}
