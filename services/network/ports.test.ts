import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, parseAddress, parseBlock } from './addresses.ts';
import { networkFixture, ok, refusal, type Ask, type Parsed } from './network.fixture.ts';
import { createPort, deletePort } from './ports.ts';

test('a port gets an address of each IP version, a MAC address and the default group', async (t) => {
  const { alice, lan, findings } = await networkFixture(t);
  const { network, subnet } = await lan();
  const { subnet: six } = ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 6, cidr: '2001:db8::/64' } }), 201);

  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, name: 'p' } }), 201);

  assert.deepEqual(port.fixed_ips.map((fixed: { subnet_id: string }) => fixed.subnet_id), [subnet.id, six.id]);
  assert.match(port.mac_address, /^fa:16:3e(:[0-9a-f]{2}){3}$/);
  const [group] = ok(await alice('GET', '/security-groups')).security_groups;
  assert.deepEqual([port.security_groups, group.name, group.security_group_rules.length], [[group.id], 'default', 4]);
  assert.deepEqual([port.status, port.device_owner, port['binding:vnic_type'], port['binding:host_id']], ['DOWN', '', 'normal', undefined]);
  const { ports } = ok(await alice('GET', `/ports?device_owner=network:distributed`));
  assert.deepEqual([ports.length, ports[0].device_id, ports[0].fixed_ips.length], [1, `ovnmeta-${network.id}`, 2]);
  ok(await alice('DELETE', `/ports/${port.id}`), 204);
  // Its own port the network gets again, as from neutron with OVN.
  ok(await alice('DELETE', `/ports/${ports[0].id}`), 204);
  const [renewed] = ok(await alice('GET', `/ports?device_owner=network:distributed`)).ports;
  assert.deepEqual([renewed.id === ports[0].id, renewed.fixed_ips.length], [false, 2]);
  assert.deepEqual(await findings(), []);
});

test('addresses are taken by subnet, by address or both; a wrong, foreign or used one is refused', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network, subnet } = await lan();
  const other = await lan(alice, '10.1.0.0/24');
  const make = (fixed_ips: object[]) => alice('POST', '/ports', { port: { network_id: network.id, fixed_ips } });

  assert.equal(ok(await make([{ ip_address: '10.0.0.77' }]), 201).port.fixed_ips[0].subnet_id, subnet.id);
  assert.equal(ok(await make([{ subnet_id: subnet.id, ip_address: '10.0.0.78' }]), 201).port.fixed_ips[0].ip_address, '10.0.0.78');
  ok(await make([{ subnet_id: subnet.id }]), 201);
  assert.deepEqual(ok(await make([]), 201).port.fixed_ips, []);
  assert.deepEqual(refusal(await make([{ ip_address: '10.0.0.77' }])), [409, 'IpAddressAlreadyAllocated']);
  assert.deepEqual(refusal(await make([{ ip_address: '10.7.0.1' }])), [400, 'InvalidIpForNetwork']);
  assert.deepEqual(refusal(await make([{ subnet_id: subnet.id, ip_address: '10.0.0.255' }])), [400, 'InvalidIpForSubnet']);
  assert.deepEqual(refusal(await make([{ subnet_id: other.subnet.id }])), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await make([{ ip_address: 'x\n10.0.0.5' }])), [400, 'HTTPBadRequest']);
  const { ports } = ok(await alice('GET', `/ports?fixed_ips=ip_address=10.0.0.77&fixed_ips=subnet_id=${subnet.id}`));
  assert.equal(ports.length, 1);
});

test('a port of the cloud itself is neither made nor posed as by a project', async (t) => {
  const { alice, bob, admin, lan } = await networkFixture(t);
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);

  for (const device_owner of ['network:dhcp', 'network:router_interface', 'network:distributed']) {
    assert.equal((await alice('POST', '/ports', { port: { network_id: network.id, device_owner } })).status, 403);
    assert.equal((await alice('PUT', `/ports/${port.id}`, { port: { device_owner } })).status, 403);
  }
  assert.equal((await alice('PUT', `/ports/${port.id}`, { port: { 'binding:host_id': 'elsewhere' } })).status, 403);
  ok(await admin('PUT', `/networks/${network.id}`, { network: { shared: true } }));
  for (const wish of [{ mac_address: 'fa:16:3e:00:00:01' }, { port_security_enabled: false }, { allowed_address_pairs: [{ ip_address: '10.0.0.1' }] }, { fixed_ips: [{ ip_address: '10.0.0.9' }] }])
    assert.deepEqual(refusal(await bob('POST', '/ports', { port: { network_id: network.id, ...wish } })), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await bob('GET', `/ports/${port.id}`)), [404, 'PortNotFound']);
  assert.deepEqual(refusal(await bob('DELETE', `/ports/${port.id}`)), [404, 'PortNotFound']);
});

test('port security, groups and address pairs agree with one another', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const make = (wish: object) => alice('POST', '/ports', { port: { network_id: network.id, ...wish } });
  const { port } = ok(await make({ allowed_address_pairs: [{ ip_address: '192.0.2.0/24' }] }), 201);

  assert.deepEqual(port.allowed_address_pairs, [{ ip_address: '192.0.2.0/24', mac_address: port.mac_address }]);
  assert.deepEqual(ok(await make({ port_security_enabled: false }), 201).port.security_groups, []);
  assert.deepEqual(refusal(await make({ port_security_enabled: false, allowed_address_pairs: [{ ip_address: '192.0.2.1' }] })), [409, 'AddressPairAndPortSecurityRequired']);
  assert.deepEqual(refusal(await make({ port_security_enabled: false, security_groups: port.security_groups })), [400, 'PortSecurityAndIPRequiredForSecurityGroups']);
  assert.deepEqual(refusal(await alice('PUT', `/ports/${port.id}`, { port: { port_security_enabled: false } })), [409, 'PortSecurityPortHasSecurityGroup']);
  const twice = { security_groups: [...port.security_groups, ...port.security_groups] };
  assert.deepEqual(refusal(await make(twice)), [400, 'HTTPBadRequest']);
  assert.deepEqual(refusal(await alice('PUT', `/ports/${port.id}`, { port: twice })), [400, 'HTTPBadRequest']);
  assert.deepEqual(refusal(await make({ mac_address: port.mac_address })), [409, 'MacAddressInUse']);
  assert.equal((await make({ mac_address: '01:00:5e:00:00:01' })).status, 400);
});

test('no address is given twice however many ask at once, and every one of a full subnet is given', async (t) => {
  const { alice, lan, within, findings } = await networkFixture(t);
  const { network } = await lan(alice, '10.0.0.0/27');

  // 30 hosts, less the gateway and the service port.
  const results = await Promise.allSettled(Array.from({ length: 34 }, () => within('alice', (context) => createPort(context, { network_id: network.id }))));

  const made = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  assert.equal(new Set(made.map((port) => port.fixed_ips[0]!.ip_address)).size, 28);
  assert.deepEqual(refused.map((error) => [error.status, error.code]), Array(6).fill([409, 'IpAddressGenerationFailure']));
  await within('alice', (context) => deletePort(context, made[7]!.id));
  const again = await within('alice', (context) => createPort(context, { network_id: network.id }));
  assert.deepEqual(again.fixed_ips, made[7]!.fixed_ips);
  assert.deepEqual(await findings(), []);
});

test('whatever ports come and go, an address is free again exactly when its port is gone', async (t) => {
  const { within, lan, alice, findings } = await networkFixture(t);
  const { network, subnet } = await lan(alice, '10.0.0.0/28');
  const inPool = (address: string) =>
    subnet.allocation_pools.some((pool: { start: string; end: string }) => [pool.start, address, pool.end].map((text) => parseAddress(text)!.value).every((value, index, all) => index === 0 || all[index - 1]! <= value));

  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 20 }), { maxLength: 25 }), async (steps) => {
      const there: { id: string; address: string }[] = [];
      for (const step of steps) {
        const going = there[step];
        if (going) {
          await within('alice', (context) => deletePort(context, going.id));
          there.splice(step, 1);
        } else if (there.length < 12) {
          const port = await within('alice', (context) => createPort(context, { network_id: network.id }));
          there.push({ id: port.id, address: port.fixed_ips[0]!.ip_address });
        }
        assert.equal(new Set(there.map(({ address }) => address)).size, there.length);
        assert.ok(there.every(({ address }) => inPool(address)));
      }
      for (const { id } of there) await within('alice', (context) => deletePort(context, id));
    }),
    { numRuns: 6 },
  );
  assert.deepEqual(await findings(), []);
});

test('the last free address of a large subnet is found, and none after it', async (t) => {
  const { alice, lan, within, database } = await networkFixture(t);
  const { network, subnet } = await lan(alice, '10.0.0.0/16');
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  await database.transaction({ kind: 'system', reason: 'test' }, (tx) => tx.run`
    insert into network.allocation (network_id, address, subnet_id, port_id)
    select ${network.id}, '10.0.0.1'::inet + step, ${subnet.id}, ${port.id} from generate_series(1, 65533) step where '10.0.0.1'::inet + step <> '10.0.200.7' on conflict do nothing`);

  const last = await within('alice', (context) => createPort(context, { network_id: network.id }));

  assert.equal(last.fixed_ips[0]!.ip_address, '10.0.200.7');
  await assert.rejects(within('alice', (context) => createPort(context, { network_id: network.id })), { status: 409, code: 'IpAddressGenerationFailure' });
});

test('a group that is deleted while a port is put in it is either refused or stays', async (t) => {
  const { alice, lan, findings } = await networkFixture(t);
  const { network } = await lan();
  for (let round = 0; round < 5; round++) {
    const { security_group: group } = ok(await alice('POST', '/security-groups', { security_group: { name: 'g' } }), 201);
    const [made, deleted] = await Promise.all([alice('POST', '/ports', { port: { network_id: network.id, security_groups: [group.id] } }), alice('DELETE', `/security-groups/${group.id}`)]);
    assert.ok([[201, 409], [404, 204]].some(([one, other]) => made.status === one && deleted.status === other), `${made.status} and ${deleted.status}`);
  }
  assert.deepEqual(await findings(), []);
});

test('a subnet that is deleted while an address of it is taken is either refused or stays', async (t) => {
  const { alice, findings } = await networkFixture(t);
  const { network } = ok(await alice('POST', '/networks', { network: {} }), 201);
  for (let round = 0; round < 5; round++) {
    const { subnet } = ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' } }), 201);
    const [made, deleted] = await Promise.all([alice('POST', '/ports', { port: { network_id: network.id, fixed_ips: [{ subnet_id: subnet.id }] } }), alice('DELETE', `/subnets/${subnet.id}`)]);
    assert.ok(made.status === 201 ? deleted.status === 409 : made.status >= 400 && made.status < 500 && deleted.status === 204, `${made.status} and ${deleted.status}`);
    if (made.status === 201) {
      ok(await alice('DELETE', `/ports/${made.body.port.id}`), 204);
      ok(await alice('DELETE', `/subnets/${subnet.id}`), 204);
    }
  }
  assert.deepEqual(await findings(), []);
});

test('addresses are read and written as PostgreSQL does', () => {
  for (const [text, canonical] of [['::', '::'], ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], ['::ffff:192.0.2.1', '::ffff:c000:201'], ['10.0.0.1', '10.0.0.1'], ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0']] as const)
    assert.equal(formatAddress(parseAddress(text)!), canonical);
  for (const text of ['10.0.0', '010.0.0.1', 'fe80::1%eth0', '', '10.0.0.1 ', '::1::']) assert.equal(parseAddress(text), undefined);
  assert.deepEqual(parseBlock('10.0.0.7/30'), { version: 4, first: 0x0a000004n, last: 0x0a000007n, prefix: 30 });
  assert.equal(parseBlock('10.0.0.0/33'), undefined);
});

test('a subnet is checked before it is made', async (t) => {
  const { alice } = await networkFixture(t);
  const { network } = ok(await alice('POST', '/networks', { network: {} }), 201);
  const make = (wish: object) => subnetOf(alice, network.id, wish);

  const { subnet } = ok(await make({ cidr: '10.0.0.0/24', dns_nameservers: ['9.9.9.9'], host_routes: [{ destination: '10.5.0.0/16', nexthop: '10.0.0.9' }] }), 201);
  assert.deepEqual([subnet.gateway_ip, subnet.allocation_pools, subnet.enable_dhcp], ['10.0.0.1', [{ start: '10.0.0.2', end: '10.0.0.254' }], true]);
  assert.deepEqual(refusal(await make({ cidr: '10.0.0.128/25' })), [400, 'InvalidInput']);
  assert.equal(ok(await make({ cidr: '10.2.0.7/24' }), 201).subnet.cidr, '10.2.0.0/24');
  assert.deepEqual(refusal(await make({ cidr: '224.0.0.0/24' })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await make({ cidr: '2001:db8::/64' })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await make({ cidr: '10.3.0.0/24', gateway_ip: '10.4.0.1' })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await make({ cidr: '10.3.0.0/24', allocation_pools: [{ start: '10.3.0.1', end: '10.3.0.9' }] })), [409, 'GatewayConflictWithAllocationPools']);
  assert.deepEqual(refusal(await make({ cidr: '10.3.0.0/24', allocation_pools: [{ start: '10.3.0.5', end: '10.3.0.9' }, { start: '10.3.0.9', end: '10.3.0.10' }] })), [409, 'OverlappingAllocationPools']);
  assert.deepEqual(refusal(await make({ cidr: '10.3.0.0/24', allocation_pools: [{ start: '10.3.0.5', end: '10.4.0.9' }] })), [400, 'OutOfBoundsAllocationPool']);
  assert.equal((await make({ cidr: '10.3.0.0/24', dns_nameservers: ['8.8.8.8\nserver=/x/'] })).status, 400);
  assert.deepEqual(refusal(await make({})), [400, 'BadRequest']);
  assert.equal(ok(await make({ cidr: '10.3.0.0/24', gateway_ip: null, enable_dhcp: false }), 201).subnet.gateway_ip, null);
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, fixed_ips: [{ subnet_id: subnet.id }] } }), 201);
  assert.deepEqual(refusal(await alice('DELETE', `/subnets/${subnet.id}`)), [409, 'SubnetInUse']);
  ok(await alice('DELETE', `/ports/${port.id}`), 204);
  ok(await alice('DELETE', `/subnets/${subnet.id}`), 204);
});

const subnetOf = (ask: Ask, networkId: string, wish: object) => ask('POST', '/subnets', { subnet: { network_id: networkId, ip_version: 4, ...wish } });

test('allowed address pairs are added and removed one by one', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const change = async (what: 'add' | 'remove', pairs: object[]) => ok(await alice('PUT', `/ports/${port.id}/${what}_allowed_address_pairs`, { port: { allowed_address_pairs: pairs } })).port.allowed_address_pairs;
  const pair = (ip_address: string) => ({ ip_address, mac_address: port.mac_address });

  assert.deepEqual(await change('add', [{ ip_address: '10.0.0.100' }]), [pair('10.0.0.100')]);
  assert.deepEqual(await change('add', [{ ip_address: '10.0.0.100' }, { ip_address: '10.0.0.101' }]), [pair('10.0.0.100'), pair('10.0.0.101')]);
  assert.deepEqual(await change('remove', [{ ip_address: '10.0.0.100' }, { ip_address: '10.0.0.7' }]), [pair('10.0.0.101')]);
});

test('many ports are made at once or none of them, each with an address of its own', async (t) => {
  const { admin, alice, lan, findings } = await networkFixture(t);
  ok(await admin('PUT', '/quotas/alice-project', { quota: { port: 1100 } }));
  const { network, subnet } = await lan(alice, '10.0.0.0/20');
  const { subnet: small } = ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 6, cidr: '2001:db8::/64', ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' } }), 201);
  const make = (wishes: object[]) => alice('POST', '/ports', { ports: wishes.map((wish) => ({ network_id: network.id, ...wish })) });

  const numbers = Array.from({ length: 997 }, (_, index) => index);
  const wishes = [{ fixed_ips: [{ ip_address: '10.0.3.3' }] }, { mac_address: 'fa:16:3e:00:00:07', allowed_address_pairs: [{ ip_address: '10.0.0.9' }] }, { port_security_enabled: false }, ...numbers.map((number) => ({ name: `port ${number}` }))];
  const made: Parsed[] = ok(await make(wishes), 201).ports;
  assert.deepEqual(made.slice(3).map(({ name }) => name), numbers.map((number) => `port ${number}`));
  assert.equal(new Set(made.flatMap(({ fixed_ips }) => fixed_ips.map((fixed: Parsed) => fixed.ip_address))).size, 2000);
  assert.equal(new Set(made.map(({ mac_address }) => mac_address)).size, 1000);
  for (const { fixed_ips } of made) assert.deepEqual(fixed_ips.map((fixed: Parsed) => fixed.subnet_id), [subnet.id, small.id]);
  assert.deepEqual(made.slice(0, 3).map(({ security_groups }) => security_groups.length), [1, 1, 0]);
  assert.deepEqual(made[1].allowed_address_pairs, [{ ip_address: '10.0.0.9', mac_address: 'fa:16:3e:00:00:07' }]);

  assert.deepEqual(refusal(await make([{}, { fixed_ips: [{ ip_address: '10.0.3.3' }] }])), [409, 'IpAddressAlreadyAllocated']);
  assert.deepEqual(refusal(await make([{ mac_address: 'fa:16:3e:00:00:08' }, { mac_address: 'fa:16:3e:00:00:08' }])), [409, 'MacAddressInUse']);
  assert.deepEqual(refusal(await make(Array.from({ length: 101 }, () => ({})))), [409, 'OverQuota']);
  assert.equal(ok(await alice('GET', '/quotas/alice-project/details.json')).quota.port.used, 1000);
  assert.deepEqual(await findings(), []);
});

test('an address that a port asks for by name is given to no other that is made with it', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network } = await lan(alice, '10.0.0.0/28');
  const wishes = [...Array.from({ length: 8 }, () => ({})), { fixed_ips: [{ ip_address: '10.0.0.7' }] }, { fixed_ips: [{ ip_address: '10.0.0.9' }] }];

  const made: Parsed[] = ok(await alice('POST', '/ports', { ports: wishes.map((wish) => ({ network_id: network.id, ...wish })) }), 201).ports;

  assert.deepEqual(made.slice(8).map(({ fixed_ips }) => fixed_ips[0].ip_address), ['10.0.0.7', '10.0.0.9']);
});

test('a port is answered when it is made as it is shown later, one or many, whatever it wishes for', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network, subnet } = await lan();
  ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 6, cidr: '2001:db8::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' } }), 201);
  ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 6, cidr: '2001:db8:1::/64' } }), 201);
  const { security_group: group } = ok(await alice('POST', '/security-groups', { security_group: { name: 'web' } }), 201);
  const wishes = [
    {},
    { name: 'web', description: 'of the shop', tags: ['z', 'a'], device_id: 'rack 7', security_groups: [group.id], extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: '1400' }] },
    { mac_address: 'fa:16:3e:00:00:01', fixed_ips: [{ ip_address: '10.0.0.9' }, { subnet_id: subnet.id }], allowed_address_pairs: [{ ip_address: '10.0.0.200' }] },
    { port_security_enabled: false, security_groups: [], admin_state_up: false },
    { fixed_ips: [] },
  ].map((wish) => ({ network_id: network.id, ...wish }));

  const made = ok(await alice('POST', '/ports', { ports: wishes }), 201).ports;
  for (const wish of [wishes[0], wishes[1]]) made.push(ok(await alice('POST', '/ports', { port: wish }), 201).port);

  for (const port of made) assert.deepEqual(ok(await alice('GET', `/ports/${port.id}`)).port, port);
});

test('a MAC address that was drawn twice is drawn again, and the port has all that it wished for', async (t) => {
  const { alice, lan, within } = await networkFixture(t);
  const { network } = await lan();
  ok(await alice('POST', '/ports', { port: { network_id: network.id, mac_address: 'fa:16:3e:07:07:07' } }), 201);
  let drawn = 0;
  const bytes = (count: number) => (count === 3 && drawn++ === 0 ? Buffer.from([7, 7, 7]) : Buffer.alloc(count, 9));

  const port = await within('alice', (context) => createPort({ ...context, random: { ...context.random, bytes } }, { network_id: network.id }));

  const { port: shown } = ok(await alice('GET', `/ports/${port.id}`));
  assert.deepEqual([shown.mac_address, shown.fixed_ips.length, shown.security_groups.length], ['fa:16:3e:09:09:09', 1, 1]);
  assert.deepEqual([port.mac_address, port.fixed_ips, port.security_groups], [shown.mac_address, shown.fixed_ips, shown.security_groups]);
});

test('whose the network is takes ports of others off it, which others see and he does not change', async (t) => {
  const { alice, bob, carol, admin, lan, external, findings } = await networkFixture(t);
  const { networkId } = await external();
  const { network, subnet } = await lan();
  ok(await admin('PUT', `/networks/${network.id}`, { network: { shared: true } }));
  const { port } = ok(await bob('POST', '/ports', { port: { network_id: network.id } }), 201);
  const { router } = ok(await admin('POST', '/routers', { router: { project_id: 'bob-project', external_gateway_info: { network_id: networkId } } }), 201);
  ok(await admin('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));
  const { floatingip } = ok(await bob('POST', '/floatingips', { floatingip: { floating_network_id: networkId, port_id: port.id } }), 201);

  assert.deepEqual(refusal(await carol('DELETE', `/ports/${port.id}`)), [404, 'PortNotFound']);
  assert.deepEqual(refusal(await alice('PUT', `/ports/${port.id}`, { port: { name: 'mine' } })), [403, 'PolicyNotAuthorized']);
  ok(await alice('DELETE', `/ports/${port.id}`), 204);

  assert.deepEqual(refusal(await bob('GET', `/ports/${port.id}`)), [404, 'PortNotFound']);
  assert.equal(ok(await bob('GET', `/floatingips/${floatingip.id}`)).floatingip.port_id, null);
  // The router's own stays.
  assert.equal(ok(await bob('GET', '/quotas/bob-project/details')).quota.port.used, 1);
  // And nothing more of theirs is seen from then on.
  assert.deepEqual(refusal(await alice('GET', `/floatingips/${floatingip.id}`)), [404, 'FloatingIPNotFound']);
  assert.deepEqual(await findings(), []);
});

test('who watches the data plane says of a port what he sees, which changes nothing else of it', async (t) => {
  const { alice, admin, lan } = await networkFixture(t);
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const say = (data_plane_status: unknown, as = admin) => as('PUT', `/ports/${port.id}`, { port: { data_plane_status } });

  assert.equal(port.data_plane_status, null);
  const { port: down } = ok(await say('DOWN'));
  assert.deepEqual([down.data_plane_status, down.status], ['DOWN', port.status]);
  assert.equal(ok(await alice('GET', `/ports/${port.id}`)).port.data_plane_status, 'DOWN');
  assert.deepEqual(refusal(await say('ACTIVE', alice)), [403, 'PolicyNotAuthorized']);
  assert.equal((await say('ACTIVE ')).status, 400);
  assert.equal((await admin('POST', '/ports', { port: { network_id: network.id, data_plane_status: 'ACTIVE' } })).status, 400);
  assert.equal(ok(await alice('PUT', `/ports/${port.id}`, { port: { name: 'web', data_plane_status: 'DOWN' } })).port.name, 'web', 'as it was shown');
  assert.equal(ok(await say(null)).port.data_plane_status, null);
});
