/**
 * Random networks, groups, rules and guests, and real packets between all of them: what arrives is what the rules let through, and
 * nothing else. The oracle knows the rules and who is joined to whom, and nothing of OVN.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { BlockList } from 'node:net';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NetworkSpec, PortSpec, RouterSpec, SecurityGroupSpec } from '../../driver.ts';
import { eventually, HOST, isRoot, startOvn } from './ovn.fixture.ts';

/** Each is a world of its own; one that was found to go wrong is tried again by its number. */
const seeds = process.env['SEED'] === undefined ? [1, 2] : [Number(process.env['SEED'])];

type Guest = { port: PortSpec; network: number; addresses: Record<4 | 6, string> };
type World = { networks: NetworkSpec[]; routers: RouterSpec[]; groups: SecurityGroupSpec[]; guests: Guest[] };
type Packet = { number: number; from: Guest; to: Guest; protocol: 'tcp' | 'udp' | 'icmp'; version: 4 | 6; port: number };
type Rule = SecurityGroupSpec['rules'][number];

const listening = [1001, 1002, 2001, 2002];
const seconds = 4;

for (const [index, seed] of seeds.entries())
  test(`packets arrive where rules let them, and nowhere else, in world ${seed} (ATTACKS 29)`, { skip: !isRoot && 'needs root', timeout: 180_000 }, async (t) => {
    const { driver, guest } = await startOvn(t, { externalNumber: 60 + index });
    const world = someWorld(randomOf(seed));
    await driver.ensure([...world.networks, ...world.routers, ...world.groups, ...world.guests.map(({ port }) => port)]);
    const namespaces = await Promise.all(world.guests.map(async ({ port: { id: portId, mac }, network, addresses }) => {
      const routes: [string, string][] = [['::/0', `fd00:${network}::1`]];
      return (await guest({ portId, mac, addresses: [`${addresses[4]}/24`, `${addresses[6]}/64`], gateway: `10.0.${network}.1`, routes })).namespace;
    }));
    const ids = world.guests.map(({ port }) => port.id);
    assert.deepEqual(await eventually(() => driver.portsUp(ids), ids), ids);
    await driver.barrier();

    const packets = allPackets(world);
    const talkers = await Promise.all(namespaces.map((namespace) => startTalker(t, namespace)));
    const told = await Promise.all(talkers.map((talk, place) => talk(packets.filter(({ from }) => from === world.guests[place]))));

    const arrived = new Set(told.flatMap(({ heard, answered }) => [...heard, ...answered]));
    const wrong = packets.filter((packet) => arrived.has(packet.number) !== mayPass(world, packet));
    assert.deepEqual(wrong.map((packet) => `${said(packet)} ${arrived.has(packet.number) ? 'arrived' : 'did not arrive'}`), []);
    t.diagnostic(`${arrived.size} of ${packets.length} packets arrived`);
    assert.ok(arrived.size > packets.length / 20 && arrived.size < packets.length * 0.95, 'the packets are too much alike');
  });

// The world

function someWorld(chance: Chance): World {
  const networks = [1, 2, 3].map((number): NetworkSpec => ({
    kind: 'network', id: `net${number}`, projectId: 'p', generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null, servicePort: null,
    subnets: [
      { id: `net${number}-v4`, version: 4, cidr: `10.0.${number}.0/24`, gateway: `10.0.${number}.1`, dhcp: true, dnsServers: [], hostRoutes: [] },
      { id: `net${number}-v6`, version: 6, cidr: `fd00:${number}::/64`, gateway: `fd00:${number}::1`, dhcp: true, dnsServers: [], hostRoutes: [] },
    ],
  }));
  const joined = chance.of([[1, 2], [1, 3], [1, 2, 3]]);
  const interfaces = joined.map((number) => ({ portId: `inside${number}`, networkId: `net${number}`, mac: `fa:16:3e:00:0${number}:01`, addresses: [`10.0.${number}.1/24`, `fd00:${number}::1/64`] }));
  const names = ['g0', 'g1', 'g2'];
  const groups = names.map((id): SecurityGroupSpec => ({ kind: 'security-group', id, projectId: 'p', generation: 1, stateful: true, rules: [...(chance.of([true, false]) ? egress(id) : []), ...Array.from({ length: 7 }, (_, at) => someRule(`${id}-${at}`, names, chance))] }));
  const guests = [11, 12, 21, 22, 31, 32].map((host, place): Guest => {
    const network = Math.floor(host / 10);
    const addresses = { 4: `10.0.${network}.${host}`, 6: `fd00:${network}::${host}` };
    return {
      network,
      addresses,
      port: {
        kind: 'port', id: `p${host}`, projectId: 'p', generation: 1, networkId: `net${network}`, adminUp: true, mac: `fa:16:3e:00:0${network}:${host}`,
        addresses: [{ subnetId: `net${network}-v4`, address: addresses[4] }, { subnetId: `net${network}-v6`, address: addresses[6] }],
        // One that is not guarded, and one that is in no group.
        portSecurity: place !== 5, allowedAddressPairs: [], securityGroups: place < 4 ? names.filter(() => chance.of([true, true, false])) : [], hostId: HOST,
      },
    };
  });
  return { networks, routers: [{ kind: 'router', id: 'router1', projectId: 'p', generation: 1, adminUp: true, interfaces, gateway: null, routes: [] }], groups, guests };
}

const egress = (id: string): Rule[] => ([4, 6] as const).map((version) => ({ id: `${id}-out${version}`, direction: 'egress', version, protocol: null, portMin: null, portMax: null, remote: { kind: 'any' } }));

function someRule(id: string, groups: readonly string[], chance: Chance): Rule {
  const version = chance.of([4, 6] as const);
  const protocol = chance.of([null, 'tcp', 'udp', version === 4 ? 'icmp' : 'ipv6-icmp']);
  const [portMin, portMax] = protocol === 'tcp' || protocol === 'udp' ? chance.of([[null, null], [1001, 1001], [1001, 2000], [1002, 2001], [2002, 65_535], [1, 1000]]) : protocol === null ? [null, null] : chance.of([[null, null], [version === 4 ? 8 : 128, 0], [version === 4 ? 3 : 1, null]]);
  const cidrs = version === 4 ? ['10.0.1.0/24', '10.0.2.16/28', '10.0.0.0/16', '10.0.1.12/32'] : ['fd00:1::/64', 'fd00:2::20/124', 'fd00::/16', 'fd00:1::12/128'];
  const remote: Rule['remote'] = chance.of([{ kind: 'any' }, { kind: 'cidr', cidr: chance.of(cidrs) }, { kind: 'group', id: chance.of(groups) }]);
  return { id, direction: chance.of(['ingress', 'ingress', 'egress']), version, protocol, portMin: portMin!, portMax: portMax!, remote };
}

function allPackets({ guests }: World): Packet[] {
  const packets: Packet[] = [];
  for (const from of guests)
    for (const to of guests)
      for (const version of [4, 6] as const)
        for (const [protocol, port] of [['icmp', 0], ...listening.flatMap((each) => [['tcp', each], ['udp', each]])] as [Packet['protocol'], number][]) if (from !== to) packets.push({ number: packets.length + 1, from, to, protocol, version, port });
  return packets;
}

// The oracle

function mayPass({ routers, groups, guests }: World, { from, to, protocol, version, port }: Packet): boolean {
  const joined = routers[0]!.interfaces.map(({ networkId }) => networkId);
  const isJoined = from.network === to.network || [from, to].every(({ network }) => joined.includes(`net${network}`));
  const lets = (guest: Guest, direction: Rule['direction'], other: Guest) =>
    !guest.port.portSecurity ||
    groups.filter(({ id }) => guest.port.securityGroups.includes(id)).some(({ rules }) =>
      rules.some((rule) => rule.direction === direction && rule.version === version && isOf(rule, protocol, version, port) && isFrom(rule, other, version, guests)));
  return isJoined && lets(from, 'egress', to) && lets(to, 'ingress', from);
}

function isOf({ protocol, portMin, portMax }: Rule, own: Packet['protocol'], version: 4 | 6, port: number): boolean {
  if (protocol === null) return true;
  if (own !== 'icmp') return protocol === own && port >= (portMin ?? 0) && port <= (portMax ?? 65_535);
  return protocol === (version === 4 ? 'icmp' : 'ipv6-icmp') && (portMin === null || portMin === (version === 4 ? 8 : 128));
}

function isFrom({ remote }: Rule, { addresses }: Guest, version: 4 | 6, guests: readonly Guest[]): boolean {
  if (remote.kind === 'any') return true;
  // Who is not guarded is in no group.
  if (remote.kind === 'group') return guests.some(({ port, addresses: members }) => port.portSecurity && port.securityGroups.includes(remote.id) && members[version] === addresses[version]);
  const [network = '', prefix] = remote.cidr.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), version === 4 ? 'ipv4' : 'ipv6');
  return list.check(addresses[version], version === 4 ? 'ipv4' : 'ipv6');
}

// The packets

/** Resolves when it listens, to what sends packets and tells what came of them: packets.py */
async function startTalker(t: TestContext, namespace: string): Promise<(packets: readonly Packet[]) => Promise<{ heard: number[]; answered: number[] }>> {
  const script = fileURLToPath(new URL('./packets.py', import.meta.url));
  const child = spawn('ip', ['netns', 'exec', namespace, 'python3', script, listening.join(), String(seconds)], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'ready');
  return async (packets) => {
    child.stdin.end(`${JSON.stringify(packets.map(({ number, protocol, to, version, port }) => [number, protocol, to.addresses[version], port]))}\n`);
    return JSON.parse(String((await lines.next()).value)) as { heard: number[]; answered: number[] };
  };
}

function said({ from, to, protocol, version, port }: Packet): string {
  return `${protocol} ${port} from ${from.addresses[version]} to ${to.addresses[version]}`;
}

type Chance = { of<T>(choices: readonly T[]): T };

/** Mulberry32: the same seed is the same world. */
function randomOf(seed: number): Chance {
  let state = seed * 0x9e3779b9;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { of: (choices) => choices[Math.floor(next() * choices.length)]! };
}
