/** What was promised of ports: many at once, one by one over many connections, and rules of groups with many members. */
import { nameOf } from './cases.ts';
import type { Endpoint } from './endpoint.ts';

export type PortsMeasured = { count: number; connections: number; oneByOneMs: number; together: number; togetherMs: number; emptyRuleMs: number; fullRuleMs: number };

const connections = 16;
const together = 1_000;
const rules = 50;

export async function measurePorts({ ask }: Endpoint, { count, say }: { count: number; say: (line: string) => void }): Promise<PortsMeasured> {
  const { body: made } = await ask<{ network: { id: string; project_id: string } }>('network', 'POST', '/networks', { network: { name: nameOf('ports', 0) } });
  const { id: network_id, project_id } = made.network;
  const quota = { port: -1, security_group: -1, security_group_rule: -1 };
  await ask('network', 'PUT', `/quotas/${project_id}`, { quota });
  await ask('network', 'POST', '/subnets', { subnet: { network_id, ip_version: 4, cidr: '10.0.0.0/8' } });
  const [empty, full] = [await makeGroup('empty'), await makeGroup('full')];
  const port = { network_id, security_groups: [full] };

  let left = count;
  const oneByOneMs = await timed(() => Promise.all(Array.from({ length: connections }, async () => {
    while (left-- > 0) await ask('network', 'POST', '/ports', { port });
  })));
  say(`${count} ports, one by one over ${connections} connections: ${(oneByOneMs / 1000).toFixed(1)} s`);
  const togetherMs = await timed(() => ask('network', 'POST', '/ports', { ports: Array.from({ length: together }, () => port) }));
  // In turns, so that neighbours on the machine disturb both.
  let [emptyRuleMs, fullRuleMs] = [0, 0];
  for (let number = 1; number <= rules; number++) {
    emptyRuleMs += await timed(() => addRule(empty, number));
    fullRuleMs += await timed(() => addRule(full, number));
  }
  await ask('network', 'DELETE', `/quotas/${project_id}`);
  return { count, connections, oneByOneMs, together, togetherMs, emptyRuleMs: emptyRuleMs / rules, fullRuleMs: fullRuleMs / rules };

  async function makeGroup(name: string): Promise<string> {
    return (await ask<{ security_group: { id: string } }>('network', 'POST', '/security-groups', { security_group: { name } })).body.security_group.id;
  }

  function addRule(security_group_id: string, number: number): Promise<unknown> {
    return ask('network', 'POST', '/security-group-rules', { security_group_rule: { security_group_id, direction: 'ingress', protocol: 'tcp', port_range_min: number, port_range_max: number } });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
