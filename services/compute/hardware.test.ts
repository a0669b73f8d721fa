import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { demandHardware, hardwareOf } from './hardware.ts';

const flavor = (vcpus: number, extraSpecs: Record<string, string> = {}) => ({ name: 'small', vcpus, memoryMiB: 1_024, extraSpecs });

test('an image and a flavor that ask for nothing get the usual machine', () => {
  assert.deepEqual(hardwareOf({ flavor: flavor(4), image: { hw_watchdog_action: 'disabled', hw_firmware_type: 'bios', hw_serial_port_count: '1', os_type: 'linux', hw_pmu_model: 'x' } }), {});
});

for (const { title, specs = {}, image = {}, vcpus = 8, expected } of [
  { title: 'most sockets, where nobody says otherwise', specs: { 'hw:cpu_max_threads': '2' }, expected: [8, 1, 1] },
  { title: 'what the flavor prefers', specs: { 'hw:cpu_sockets': '2', 'hw:cpu_cores': '4' }, expected: [2, 4, 1] },
  { title: 'what the image prefers, and nothing of what the flavor does', specs: { 'hw:cpu_sockets': '2' }, image: { hw_cpu_cores: '8' }, expected: [1, 8, 1] },
  { title: 'no more than the limits of both', specs: { 'hw:cpu_max_sockets': '4' }, image: { hw_cpu_max_sockets: '2', hw_cpu_max_cores: '2' }, expected: [2, 2, 2] },
  { title: 'nothing that the flavor prefers where the image forbids it', specs: { 'hw:cpu_sockets': '8' }, image: { hw_cpu_max_sockets: '1' }, expected: [1, 8, 1] },
] as { title: string; specs?: Record<string, string>; image?: Record<string, string>; vcpus?: number; expected: number[] }[])
  test(`processors are laid out as: ${title}`, () => {
    const { processors } = hardwareOf({ flavor: flavor(vcpus, specs), image });

    assert.deepEqual([processors?.sockets, processors?.cores, processors?.threads], expected);
  });

for (const { specs = {}, image = {}, says } of [
  { image: { hw_disk_bus: 'floppy' }, says: /^Invalid image metadata. Error: Field value floppy is invalid$/ },
  { image: { hw_cpu_cores: 'many' }, says: /invalid literal for int\(\) with base 10: 'many'/ },
  { specs: { 'hw:numa_nodes': '3' }, says: /^Instance CPUs and\/or memory cannot be evenly distributed across instance NUMA nodes\./ },
  { specs: { 'hw:numa_nodes': '2', 'hw:numa_cpus.0': '0-5', 'hw:numa_mem.0': '512' }, says: /^CPU and memory allocation must be provided for all NUMA nodes$/ },
  { specs: { 'hw:numa_nodes': '2', 'hw:numa_cpus.0': '0-5', 'hw:numa_mem.0': '512', 'hw:numa_cpus.1': '5-7', 'hw:numa_mem.1': '512' }, says: /^CPU number 5 is assigned to two nodes$/ },
  { specs: { 'hw:emulator_threads_policy': 'isolate' }, says: /^An isolated CPU emulator threads option requires a dedicated CPU policy option.$/ },
  { specs: { 'hw:cpu_thread_policy': 'require' }, says: /^Cannot set cpu thread pinning policy in a non dedicated cpu pinning policy$/ },
  { specs: { 'hw:cpu_policy': 'dedicated', 'hw:cpu_thread_policy': 'isolate' }, image: { hw_cpu_thread_policy: 'require' }, says: /^Image property 'hw_cpu_thread_policy' is not permitted to override/ },
  { specs: { 'hw:cpu_policy': 'shared' }, image: { hw_cpu_policy: 'dedicated' }, says: /^Image property 'hw_cpu_policy' is not permitted to override/ },
  { image: { hw_cpu_policy: 'alone' }, says: /^Invalid image metadata. Error: Field value alone is invalid$/ },
  { specs: { 'hw:cpu_policy': 'dedicated', 'resources:PCPU': '8' }, says: /^It is not possible to use the 'resources:VCPU' or 'resources:PCPU' extra specs in combination with/ },
  { specs: { 'resources:VCPU': '8', 'resources1:PCPU': '8' }, says: /^It is not possible to specify both 'resources:VCPU' and 'resources:PCPU'/ },
  { specs: { 'resources:PCPU': '4' }, says: /you must allocate exactly flavor.vcpus PCPUs$/ },
  { specs: { 'resources:PCPU': '8', 'hw:emulator_threads_policy': 'isolate' }, says: /you must allocate exactly flavor.vcpus \+ 1 PCPUs.$/ },
  { specs: { 'hw:cpu_policy': 'dedicated', 'hw:cpu_thread_policy': 'require', 'trait:HW_CPU_HYPERTHREADING': 'required' }, says: /^It is not possible to use the 'trait:HW_CPU_HYPERTHREADING' extra spec/ },
  { image: { hw_mem_page_size: 'large' }, says: /^Page size large forbidden against '<empty>'$/ },
  { specs: { 'hw:mem_page_size': '2048' }, image: { hw_mem_page_size: '1GB' }, says: /^Page size 1GB forbidden against '2048'$/ },
  { specs: { 'hw:mem_page_size': 'large' }, image: { hw_mem_page_size: 'huge' }, says: /^Invalid memory page size 'huge'$/ },
  { specs: { 'hw:cpu_max_cores': '2' }, image: { hw_cpu_max_cores: '4' }, says: /^Image vCPU topology limits \(sockets=0, cores=4, threads=0\) exceeds the limits of the flavor \(sockets=0, cores=2, threads=0\)$/ },
  { image: { hw_cpu_max_sockets: '2', hw_cpu_sockets: '4' }, says: /^Image vCPU topology \(sockets=4, cores=0, threads=0\) exceeds the limits of the flavor or image/ },
  { specs: { 'hw:cpu_max_sockets': '3', 'hw:cpu_max_cores': '1', 'hw:cpu_max_threads': '1' }, says: /^Requested vCPU limits 3:1:1 are impossible to satisfy for vcpus count 8$/ },
  { specs: { 'hw:serial_port_count': '2' }, image: { hw_serial_port_count: '4' }, says: /^Forbidden to exceed flavor value of number of serial ports/ },
  { specs: { 'os:secure_boot': 'required' }, image: { hw_machine_type: 'pc' }, says: /^Secure Boot is not supported by host/ },
  { specs: { 'hw:pmu': 'yes' }, image: { hw_pmu: 'false' }, says: /^Flavor small has hw:pmu extra spec explicitly set to True, conflicting with the image, which has hw_pmu explicitly set to False.$/ },
] as { specs?: Record<string, string>; image?: Record<string, string>; says: RegExp }[])
  test(`it is refused when ${JSON.stringify({ ...specs, ...image })} is asked for`, () => {
    assert.throws(() => demandHardware({ flavor: flavor(8, specs), image }), { status: 400, message: says });
  });

for (const [specs, image] of [
  [{ 'hw:cpu_policy': 'dedicated', 'hw:emulator_threads_policy': 'isolate', 'hw:cpu_thread_policy': 'prefer' }, { hw_cpu_thread_policy: 'isolate', hw_cpu_policy: 'shared' }],
  [{ 'hw:emulator_threads_policy': 'share', 'resources:VCPU': '0' }, {}],
  [{ 'resources:PCPU': '9', 'hw:emulator_threads_policy': 'isolate' }, {}],
  [{ 'hw:mem_page_size': 'any' }, { hw_mem_page_size: '2MB' }],
] as [Record<string, string>, Record<string, string>][])
  test(`nothing is wrong with ${JSON.stringify({ ...specs, ...image })}`, () => {
    demandHardware({ flavor: flavor(8, specs), image });
  });

test('a server has the disks that its image asks for, on a host that can make them', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  await say(cloud, 'scsi', 'add');
  const id = await create(cloud);
  await cloud.settle();
  const { id: volume_id } = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume;
  await cloud.settle();
  const { volumeAttachment } = (await alice.compute.serverVolumes.attach({ params: { server_id: id }, body: { volumeAttachment: { volumeId: volume_id } } })).body;

  const { server } = (await admin.compute.servers.show({ params: { server_id: id } })).body;
  assert.deepEqual([server.status, server['OS-EXT-SRV-ATTR:root_device_name'], volumeAttachment.device], ['ACTIVE', '/dev/sda', '/dev/sdb'], JSON.stringify(server.fault));

  await say(cloud, 'xen');
  const other = await create(cloud);
  await cloud.settle();
  const { server: refused } = (await alice.compute.servers.show({ params: { server_id: other } })).body;
  assert.deepEqual([refused.status, refused.fault?.code], ['ERROR', 500]);
  assert.match(refused.fault?.message ?? '', /No valid host/);

  await say(cloud, 'floppy');
  await assert.rejects(create(cloud), { status: 400, message: /Field value floppy is invalid/ });
});

async function say({ admin, imageId }: TestCloud, value: string, op: 'add' | 'replace' = 'replace'): Promise<void> {
  await admin.image.images.update({ params: { image_id: imageId }, body: [{ op, path: '/hw_disk_bus', value }] });
}

async function create({ alice, imageId }: TestCloud): Promise<string> {
  const { body } = await alice.compute.servers.create({ body: { server: { name: 's', flavorRef: '1', imageRef: imageId, networks: [] } } });
  assert.ok('server' in body);
  return body.server.id;
}
