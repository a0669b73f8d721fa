/**
 * Opens the metadata service's socket in the network namespace that this process was started in, hands it to the process
 * that started it, and ends: one process then serves all namespaces.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';

// An answer goes to a guest on the same network and no further: not to one that a guest forwards for.
await writeFile('/proc/sys/net/ipv4/ip_default_ttl', '1');
const interfaces = await readdir('/proc/sys/net/ipv6/conf').catch(() => []); // A kernel without IPv6.
for (const name of interfaces) await writeFile(`/proc/sys/net/ipv6/conf/${name}/hop_limit`, '1');

const host = interfaces.length > 0 ? '::' : '0.0.0.0';
const server = createServer();
server.on('error', (error) => process.send?.({ refused: error.message }, () => process.exit(1)));
server.listen({ host, port: 80, backlog: 256 }, () => process.send?.('listening', server));
process.on('disconnect', () => process.exit(0));
