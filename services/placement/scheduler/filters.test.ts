import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Board, type HostFacts } from './board.ts';
import { decide } from './deciding.ts';
import { meets } from './requirements.ts';
import { amountsOf, readWish, resourcesOf, type Asked } from './wishes.ts';

type Specs = Record<string, string>;

const nothing: Asked = { tried: [], different: [], same: null, near: null, availabilityZone: null, hostname: null, group: null };

test('what flavors write of values means what it means in Nova', () => {
  const cases: [value: string, wanted: string, met: boolean][] = [
    ['8', '>= 4', true], ['8', '= 9', false], ['10', '= 9', true], ['abc', '<in> b', true], ['abc', '<in> x', false], ['a b c', '<all-in> a c', true], ['a b', '<all-in> a c', false],
    ['two', '<or> one <or> two', true], ['or', '<or> one <or> two', false], ['x', 's== x', true], ['10', 's< 9', true], ['10', '== 10.0', true], ['plain', 'plain', true], ['plain', 'other', false],
  ];
  for (const [value, wanted, met] of cases) assert.equal(meets(value, wanted), met, `${value} ${wanted}`);
});

test('groups of hosts keep images, flavors and tenants to themselves', () => {
  const board = boardOf([host('linux', { groups: ['linux'] }), host('windows', { groups: ['windows'] }), host('kept', { groups: ['kept'] }), host('free')]);
  board.aggregates = new Map<string, Specs>([['linux', { os_distro: 'linux' }], ['windows', { os_distro: 'windows' }], ['kept', { filter_tenant_id: 'others, friends', ssd: 'true' }]]);

  assert.deepEqual(placesOf(board, { image: { os_distro: 'windows' } }), ['free', 'windows']);
  assert.deepEqual(placesOf(board, { image: {} }), ['free', 'linux', 'windows']);
  assert.deepEqual(placesOf(board, { projectId: 'friends', extraSpecs: { 'aggregate_instance_extra_specs:ssd': '<or> true <or> yes' } }), ['kept']);
});

test('what an image and a flavor ask of machines is asked of what hosts report', () => {
  const board = boardOf([
    host('arm', { report: { architecture: 'aarch64' } }),
    host('old', { report: { hypervisorVersion: 5_002_000 } }),
    host('cells', { report: { hypervisorVersion: 8_000_000, numaCells: 2 }, traits: ['HW_CPU_X86_AVX'] }),
  ]);

  assert.deepEqual(placesOf(board, { image: { hw_architecture: 'amd64' } }), ['cells', 'old']);
  assert.deepEqual(placesOf(board, { image: { img_hv_requested_version: '>=6.0' } }), ['arm', 'cells']);
  assert.deepEqual(placesOf(board, { image: { hw_vm_mode: 'xen' } }), []);
  assert.deepEqual(placesOf(board, { image: { 'trait:HW_CPU_X86_AVX': 'required' } }), ['cells']);
  assert.deepEqual(placesOf(board, { extraSpecs: { 'hw:numa_nodes': '2' } }), ['cells']);
  assert.deepEqual(placesOf(board, { extraSpecs: { 'hw:numa_nodes': '3' } }), []);
  // What no host has is not left out because another thing is asked for as well.
  for (const rare of [{ 'hw:mem_page_size': 'large' }, { 'hw:emulator_threads_policy': 'isolate' }, { 'hw:cpu_thread_policy': 'require' }, { 'hw:cpu_policy': 'mixed' }] as Specs[])
    assert.deepEqual(placesOf(board, { extraSpecs: { 'hw:numa_nodes': '1', ...rare } }), [], JSON.stringify(rare));
  assert.deepEqual(placesOf(board, { extraSpecs: { 'hw:numa_nodes': '1', 'hw:mem_page_size': 'any' }, image: { hw_mem_page_size: '2MB' } }), []);
  assert.deepEqual(placesOf(board, { extraSpecs: { 'hw:numa_nodes': '1', 'hw:mem_page_size': 'small', 'hw:emulator_threads_policy': 'share', 'hw:cpu_thread_policy': 'isolate' } }), ['cells']);
  assert.deepEqual(placesOf(board, { extraSpecs: { 'capabilities:hypervisor_version': '>= 6000000' } }), ['arm', 'cells']);
  assert.deepEqual(placesOf(board, { extraSpecs: { 'capabilities:free_ram_mb': '> 1' } }), []);
  assert.deepEqual(placesOf(board, { extraSpecs: { 'capabilities:free_ram_mb': '>= 1' } }), ['arm', 'cells', 'old']);
  // Without a scope, what no host says of itself is for somebody else.
  assert.deepEqual(placesOf(board, { extraSpecs: { colour: 'blue', hypervisor_version: '>= 6000000' } }), ['arm', 'cells']);
});

test('hints and the limits of groups rule hosts out', () => {
  const board = boardOf([host('a'), host('b', { address: '10.1.0.7' }), host('c', { groups: ['busy'] })]);
  board.aggregates = new Map([['busy', { max_io_ops_per_host: '2', max_instances_per_host: '50' }]]);
  board.tally('underWay', [['c', 2]]);

  assert.deepEqual(placesOf(board, {}), ['a', 'b']);
  assert.deepEqual(placesOf(board, { different: ['a'] }), ['b']);
  assert.deepEqual(placesOf(board, { same: ['a', 'c'] }), ['a']);
  assert.deepEqual(placesOf(board, { near: { address: '10.1.0.200', prefix: 24 } }), ['b']);
  assert.deepEqual(placesOf(board, { hostname: 'host-b' }), ['b']);
  board.tally('underWay', [['c', 1]]);
  board.tally('instances', [['c', 50]]);
  assert.deepEqual(placesOf(board, {}), ['a', 'b']);
});

test('the emptiest host is the best, unless it fails builds, has devices that nobody asked for, or is not the group’s', () => {
  const board = boardOf([host('small', { memory: 1_000 }), host('large', { memory: 9_000 }), host('failing', { memory: 99_000, failedBuilds: 3 })]);

  assert.deepEqual(rankOf(board, {}), ['large', 'small', 'failing']);
  assert.deepEqual(rankOf(board, { group: { policy: 'soft-affinity', mostPerHost: 1, members: { small: 2 } } }), ['small', 'large', 'failing']);
  assert.deepEqual(rankOf(board, { group: { policy: 'soft-anti-affinity', mostPerHost: 1, members: { large: 2 } } }), ['small', 'large', 'failing']);
  board.put({ ...host('devices', { memory: 9_500 }), inventories: [...host('devices', { memory: 9_500 }).inventories, inventory('CUSTOM_PCI_GPU', 4)] });
  assert.equal(rankOf(board, {})[0], 'large');
  assert.deepEqual(rankOf(board, { extraSpecs: { 'pci_passthrough:alias': 'gpu:2' } }), ['devices']);
});

test('a flavor claims what it says instead of what it shows', () => {
  const claimed = (extraSpecs: Specs) => Object.fromEntries(amountsOf({ vcpus: 4, memoryMiB: 8, diskGiB: 0, resources: resourcesOf({ vcpus: 4, extraSpecs }, {}) }).map(({ resourceClass, amount }) => [resourceClass, amount]));

  assert.deepEqual(claimed({}), { MEMORY_MB: 8, VCPU: 4 });
  assert.deepEqual(claimed({ 'resources:VCPU': '0', 'resources:CUSTOM_BAREMETAL': '1' }), { CUSTOM_BAREMETAL: 1, MEMORY_MB: 8 });
  assert.deepEqual(claimed({ 'hw:cpu_policy': 'dedicated' }), { MEMORY_MB: 8, PCPU: 4 });
  assert.deepEqual(claimed({ 'pci_passthrough:alias': 'a100:2, nic' }), { CUSTOM_PCI_A100: 2, CUSTOM_PCI_NIC: 1, MEMORY_MB: 8, VCPU: 4 });
});

type Wanted = Partial<Asked> & { projectId?: string; extraSpecs?: Specs; image?: Specs };

function decided(board: Board, { projectId = 'project', extraSpecs = {}, image = {}, ...asked }: Wanted) {
  const amounts = amountsOf({ vcpus: 0, memoryMiB: 1, diskGiB: 0, resources: resourcesOf({ vcpus: 0, extraSpecs }, {}) });
  return decide(board, readWish({ ...nothing, ...asked, projectId, extraSpecs, image, amounts }), { aliveAfter: 0, seed: 'seed' });
}

function rankOf(board: Board, wanted: Wanted): string[] {
  return decided(board, wanted).finalists.map(({ hostId }) => hostId);
}

function placesOf(board: Board, wanted: Wanted): string[] {
  return rankOf(board, wanted).toSorted();
}

function boardOf(hosts: HostFacts[]): Board {
  const board = new Board();
  for (const each of hosts) board.put(each);
  return board;
}

function inventory(resourceClass: string, total: number): HostFacts['inventories'][number] {
  return { resourceClass, total, reserved: 0, allocationRatio: 1, used: 0, minUnit: 1, maxUnit: total, stepSize: 1 };
}

function host(id: string, { groups = [], traits = [], report = {}, address = '10.0.0.1', memory = 1_000, failedBuilds = 0 }: { groups?: string[]; traits?: string[]; report?: Partial<HostFacts['report']>; address?: string; memory?: number; failedBuilds?: number } = {}): HostFacts {
  return {
    id,
    hostname: `host-${id}`,
    generation: 1,
    takesServers: true,
    availabilityZone: 'nova',
    seenAt: 1,
    failedBuilds,
    groups,
    traits,
    report: { id, hostname: `host-${id}`, hypervisorType: 'QEMU', hypervisorVersion: 8_000_000, address, cpuModel: 'x', architecture: 'x86_64', vcpus: 8, memoryMiB: 1_000, diskGiB: 100, freeDiskGiB: 100, ...report },
    inventories: [inventory('VCPU', 8), inventory('MEMORY_MB', memory)],
  };
}
