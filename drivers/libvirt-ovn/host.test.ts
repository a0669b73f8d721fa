import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { putImageFile } from '../driver.fixtures.ts';
import type { GuestMetadata, NetworkSpec, PortSpec, RouterSpec, SecurityGroupSpec, ServerSpec, VettedImage } from '../driver.ts';
import { boots } from './accelerator.ts';
import { run } from './command.ts';
import { emulator } from './engines.ts';
import { HOST, startTestHost, whyNot, type TestHost } from './host.fixture.ts';
import { qemuUser } from './libvirt-daemon.ts';
import { createLibvirt } from './libvirt/libvirt.ts';
import { tapName } from './taps.ts';

const reason = await whyNot();
const options = { skip: reason, timeout: 180_000 };
const host = reason ? undefined : await startTestHost({ number: 2, say: () => {} });
after(() => host?.stop());

test('the probe runs to its end where instructions are emulated, so where it does not KVM is at fault', options, async () => {
  assert.equal(await boots({ emulator, accelerator: 'tcg', cpu: 'max', user: await qemuUser() }), true);
});

test('two clouds run side by side on one host', options, async () => {
  const other = await startTestHost({ number: 3, say: () => {} });
  try {
    for (const { engines } of [the(), other]) for (const { name, isAlive } of engines.daemons) assert.ok(await isAlive(), name);
    const [here, there] = [server({ power: 'stopped' }), server({ power: 'stopped' })];
    await the().driver.servers.ensure(here);
    await other.driver.servers.ensure({ ...there, rootDisk: { ...there.rootDisk, image: other.images[0] } as ServerSpec['rootDisk'] });

    assert.deepEqual((await the().driver.servers.list()).map(({ id }) => id), [here.id]);
    assert.deepEqual((await other.driver.servers.list()).map(({ id }) => id), [there.id]);
    await remove(here);
  } finally {
    await other.stop();
  }
});

test('a guest learns its name from the config drive', options, async () => {
  const spec = server({ configDrive: true, metadata: { ...server().metadata, hostname: 'from-drive' } });

  await the().driver.servers.ensure(spec);

  await console(spec, /guest-init: datasource: config drive/);
  await console(spec, /guest-init: done at .*from-drive/);
  await remove(spec);
});

test('a guest has the processors and the bus that its flavor and image ask for', options, async () => {
  const script = '#!/bin/sh\nsleep 1\necho "cores $(grep -m1 \'cpu cores\' /proc/cpuinfo | tr -dc 0-9), disks $(ls /sys/block | grep -E "^(sd|hd|vd)" | tr "\\n" " ")" > /dev/ttyS0\n';
  const spec = server({ vcpus: 2, configDrive: true, metadata: { ...server().metadata, userData: Buffer.from(script).toString('base64') }, hardware: { processors: { sockets: 1, cores: 2, threads: 1 }, bootMenu: true, agentChannel: true, watchdog: 'reset', serialPorts: 2, video: 'cirrus', randomness: { bytes: 2_048, periodMs: 1_000 }, diskLimits: { total_iops_sec: 4_000 } } });

  await the().driver.servers.ensure(spec);

  await console(spec, /cores 2, disks vda/);
  await remove(spec);
});

test('a machine of another kind starts with its own firmware, whose settings go with it', options, async () => {
  const data = { id: randomUUID(), projectId: 'p', generation: 1, sizeGiB: 1, source: { kind: 'empty' as const } };
  await the().driver.volumes.ensure(data);
  const hardware: ServerSpec['hardware'] = { machine: 'q35', firmware: 'uefi', diskBus: 'sata', nicModel: 'e1000e', video: 'none', pointer: 'usb', hidden: true, windows: true, pmu: false };
  const spec = server({ memoryMiB: 256, configDrive: true, rootDevice: '/dev/sda', hardware });
  const settings = join(the().engines.layout.computeDirectory, 'servers', spec.id);

  await the().driver.servers.ensure(spec);
  await console(spec, /BdsDxe/);
  await the().driver.servers.ensure({ ...spec, generation: 2, power: 'stopped' });
  await the().driver.servers.ensure({ ...spec, generation: 3, volumes: [{ volumeId: data.id, device: '/dev/sdb' }] });
  assert.ok((await readdir(settings)).includes('nvram.fd'));
  await remove(spec);
  await assert.rejects(readdir(settings), { code: 'ENOENT' });

  const secured = server({ memoryMiB: 256, hardware: { machine: 'q35', firmware: 'uefi', secureBoot: true } });
  await the().driver.servers.ensure(secured);
  await console(secured, /BdsDxe: .*(Access Denied|Security Violation|not loaded|failed)/);
  await remove(secured);

  const scsi = server({ rootDevice: '/dev/sda', power: 'paused', hardware: { diskBus: 'scsi', scsiModel: 'virtio-scsi' } });
  await the().driver.servers.ensure(scsi);
  await the().driver.servers.ensure({ ...scsi, generation: 2, volumes: [{ volumeId: data.id, device: '/dev/sdb' }] });
  assert.deepEqual((await stateOf(scsi))?.volumes, [data.id]);
  await remove(scsi);
  await the().driver.volumes.remove({ id: data.id, generation: 2 });
});

test('the screen of a server is reached by its own socket', options, async () => {
  const spec = server({ power: 'paused' });
  await the().driver.servers.ensure(spec);

  assert.match(await firstBytes({ path: the().engines.layout.vncSocket(spec.id) }), /^RFB 003/);

  await remove(spec);
});

test('a capture of a running server boots, and the server goes on', options, async () => {
  const spec = server();
  await the().driver.servers.ensure(spec);
  await console(spec, /login:/);
  const pid = await pidOf(spec);

  const { upload } = await the().driver.servers.capture({ id: spec.id, hostId: HOST, upload: randomUUID() });

  assert.equal(await pidOf(spec), pid);
  assert.equal((await stateOf(spec))?.power, 'running');
  const path = the().blobs.incomingPath(upload);
  const info = JSON.parse(await run('qemu-img', ['info', '-f', 'qcow2', '--output=json', path])) as Record<string, unknown>;
  assert.equal(info['backing-filename'], undefined);
  await run('qemu-img', ['check', '-f', 'qcow2', path]);
  await remove(spec);
  const image = await putImageFile(join(the().stateDir, 'blobs'), path, 'qcow2', info['virtual-size'] as number);
  const copy = server({ rootDisk: { kind: 'image', image, sizeGiB: 1, epoch: 0 } });
  await the().driver.servers.ensure(copy);
  await console(copy, /login:/);
  await remove(copy);
});

test('a volume in use grows before its guest, and its snapshot is complete in itself', options, async () => {
  const volume = { id: randomUUID(), projectId: 'p', generation: 1, sizeGiB: 1, source: { kind: 'image' as const, image: guestImage() } };
  await the().driver.volumes.ensure(volume);
  const spec = server({ rootDisk: { kind: 'volume', volumeId: volume.id } });
  await the().driver.servers.ensure(spec);
  await console(spec, /login:/);
  const snapshot = { id: randomUUID(), projectId: 'p', volumeId: volume.id, generation: 1 };

  await the().driver.volumes.ensure({ ...volume, generation: 2, sizeGiB: 2 });
  await the().driver.volumes.ensureSnapshot(snapshot);

  const folder = the().engines.layout.computeDirectory;
  for (const path of [join(folder, 'volumes', `${volume.id}.qcow2`), join(folder, 'snapshots', `${snapshot.id}.qcow2`)]) {
    const info = JSON.parse(await run('qemu-img', ['info', '-U', '-f', 'qcow2', '--output=json', path])) as Record<string, unknown>;
    assert.equal(info['virtual-size'], 2 * 2 ** 30);
    assert.equal(info['backing-filename'], undefined);
  }
  await remove(spec);
  await the().driver.volumes.removeSnapshot({ ...snapshot, generation: 2 });
  await the().driver.volumes.remove({ id: volume.id, generation: 3 });
});

test('a guest outlives libvirtd, and is found again by the next one', options, async () => {
  const spec = server();
  await the().driver.servers.ensure(spec);
  await console(spec, /login:/);
  const pid = await pidOf(spec);
  const libvirtd = daemon('libvirtd');

  process.kill(Number(await readFile(libvirtd.pidFile, 'utf8')), 'SIGKILL');
  await until(async () => assert.equal(await libvirtd.isAlive(), false));
  await assert.rejects(the().driver.servers.list(), { kind: 'unavailable' });
  await libvirtd.start();

  await until(async () => assert.equal((await stateOf(spec))?.power, 'running'));
  assert.equal(await pidOf(spec), pid);
  await the().driver.servers.ensure({ ...spec, generation: 2, power: 'paused' });
  assert.equal((await stateOf(spec))?.power, 'paused');
  await remove(spec);
});

test('a machine whose process was killed has crashed, and starts again when it is to run', options, async () => {
  const spec = server();
  await the().driver.servers.ensure(spec);
  await console(spec, /login:/);

  process.kill(await pidOf(spec), 'SIGKILL');

  await until(async () => assert.equal((await stateOf(spec))?.power, 'crashed'));
  assert.equal((await the().driver.servers.ensure(spec)).power, 'running');
  await remove(spec);
});

test('the host reaches a guest by its floating address, and the guest loses nothing when the switch is killed', options, async () => {
  const { resources, port, floatingAddress } = network();
  await the().driver.networks.ensure(resources);
  const spec = server({ nics: [nicOf(port)] });

  await the().driver.servers.ensure(spec);

  await console(spec, new RegExp(`guest-net: eth0 ${port.addresses[0]!.address.replaceAll('.', '\\.')}/24`));
  await until(async () => assert.match(await sshBanner(floatingAddress), /^SSH-2/), 60_000);
  await run('ping', ['-c', '1', '-W', '2', floatingAddress]);

  const vswitchd = daemon('ovs-vswitchd');
  process.kill(Number(await readFile(vswitchd.pidFile, 'utf8')), 'SIGKILL');
  await until(async () => assert.equal(await vswitchd.isAlive(), false));
  await vswitchd.start();
  await until(async () => assert.match(await sshBanner(floatingAddress), /^SSH-2/), 60_000);

  await remove(spec);
  await the().driver.networks.remove(resources.toReversed().map(({ kind, id }) => ({ kind, id, generation: 2 })));
});

test('a guest reaches the world beyond the host, which knows no way back to it but the host', options, async (t) => {
  const world = await worldBeyond(t);
  const { resources, port } = network();
  await the().driver.networks.ensure(resources.filter(({ kind }) => kind !== 'floating-ip'));
  const script = `#!/bin/sh\nping -c 20 -w 20 ${world} | grep -q ttl= && echo world: reached > /dev/console\n`;
  const spec = server({ nics: [nicOf(port)], configDrive: true, metadata: { ...server().metadata, userData: Buffer.from(script).toString('base64') } });

  await the().driver.servers.ensure(spec);

  await console(spec, /world: reached/);
  await remove(spec);
  await the().driver.networks.remove(resources.toReversed().map(({ kind, id }) => ({ kind, id, generation: 2 })));
});

test('after the host has lost its power, guests that are to run start again with their network (FAILURES 35)', options, async () => {
  const { resources, port, floatingAddress } = network();
  await the().driver.networks.ensure(resources);
  const spec = server({ nics: [nicOf(port)] });
  const idle = server({ power: 'stopped' });
  await the().driver.servers.ensure(spec);
  await the().driver.servers.ensure(idle);
  await until(async () => assert.match(await sshBanner(floatingAddress), /^SSH-2/), 60_000);

  await the().losePower();

  assert.equal((await stateOf(spec))?.power, 'crashed');
  assert.equal((await stateOf(idle))?.power, 'stopped');
  assert.equal((await the().driver.servers.ensure(spec)).power, 'running');
  await until(async () => assert.match(await sshBanner(floatingAddress), /^SSH-2/), 60_000);
  await remove(spec);
  await remove(idle);
  await the().driver.networks.remove(resources.toReversed().map(({ kind, id }) => ({ kind, id, generation: 2 })));
});

test('engines that stop and start leave a guest running, and give it back its network (FAILURES 22)', options, async () => {
  const { resources, port, floatingAddress } = network();
  await the().driver.networks.ensure(resources);
  const spec = server({ nics: [nicOf(port)] });
  await the().driver.servers.ensure(spec);
  await until(async () => assert.match(await sshBanner(floatingAddress), /^SSH-2/), 60_000);
  const pid = await pidOf(spec);

  await the().restartEngines();

  assert.equal(await pidOf(spec), pid);
  assert.equal((await stateOf(spec))?.power, 'running');
  await until(async () => assert.match(await sshBanner(floatingAddress), /^SSH-2/), 60_000);
  await remove(spec);
  await the().driver.networks.remove(resources.toReversed().map(({ kind, id }) => ({ kind, id, generation: 2 })));
});

test('a server that is removed leaves nothing behind', options, async () => {
  const { layout } = the().engines;
  const before = await traces();
  const spec = server({ configDrive: true, nics: [{ portId: randomUUID(), networkId: randomUUID(), mac: 'fa:16:3e:00:00:07', mtu: 1442, addresses: [] }] });
  await the().driver.servers.ensure(spec);
  const during = await traces();
  assert.ok(during.links.includes(tapName(spec.nics[0]!.portId)));
  assert.match(during.rules, new RegExp(tapName(spec.nics[0]!.portId)));
  assert.ok((await stat(join(layout.computeDirectory, 'servers', spec.id))).isDirectory());

  await remove(spec);

  assert.deepEqual(await traces(), before);
});

test('a console is kept short, whatever the guest writes', options, async () => {
  const spec = server({ power: 'stopped' });
  await the().driver.servers.ensure(spec);
  const path = join(the().engines.layout.computeDirectory, 'servers', spec.id, 'console.log');
  await writeFile(path, `${'x'.repeat(99)}\n`.repeat(30_000));

  await until(async () => assert.ok((await stat(path)).size < 2 ** 20));

  const log = await the().driver.servers.consoleLog({ id: spec.id, hostId: HOST });
  assert.ok(log.length > 0 && log.length <= 4 * 2 ** 20);
  assert.equal(await the().driver.servers.consoleLog({ id: spec.id, hostId: HOST, lines: 2 }), `${'x'.repeat(99)}\n`.repeat(2));
  await remove(spec);
});

function the(): TestHost {
  assert.ok(host);
  return host;
}

function guestImage(): VettedImage {
  return the().images[0];
}

function server(wish: Partial<ServerSpec> = {}): ServerSpec {
  const id = randomUUID();
  const metadata: GuestMetadata = {
    uuid: id, name: 'web', hostname: 'web', projectId: 'p', availabilityZone: 'nova', launchIndex: 0, publicKeys: {}, meta: {}, adminPass: null, userData: null,
    networkData: { links: [], networks: [], services: [] }, fixedIps: [], floatingIps: [], securityGroups: ['default'], instanceType: 'm1.tiny',
  };
  const rootDisk = { kind: 'image' as const, image: guestImage(), sizeGiB: 0, epoch: 0 };
  return { id, generation: 1, hostId: HOST, power: 'running', vcpus: 1, memoryMiB: 128, bootEpoch: 0, rootDisk, volumes: [], nics: [], configDrive: false, metadata, ...wish };
}

async function remove({ id, hostId }: ServerSpec): Promise<void> {
  await the().driver.servers.remove({ id, hostId, generation: 1_000 });
}

async function stateOf({ id }: ServerSpec) {
  return (await the().driver.servers.list()).find((state) => state.id === id);
}

function daemon(name: string) {
  const found = the().engines.daemons.find((each) => each.name === name);
  assert.ok(found, name);
  return found;
}

async function pidOf({ id }: ServerSpec): Promise<number> {
  return Number(await readFile(join(the().engines.layout.libvirtDirectory, 'run', 'qemu', `server-${id}.pid`), 'utf8'));
}

async function console(spec: ServerSpec, line: RegExp): Promise<void> {
  await until(async () => assert.match(await the().driver.servers.consoleLog({ id: spec.id, hostId: HOST }), line), 90_000);
}

async function until(look: () => Promise<void>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await look();
    } catch (cause) {
      if (Date.now() > deadline) throw cause;
    }
    await wait(50);
  }
}

function sshBanner(address: string): Promise<string> {
  return firstBytes({ host: address, port: 22 });
}

async function firstBytes(where: { path: string } | { host: string; port: number }): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = createConnection({ ...where, timeout: 3_000 });
  socket.on('data', (bytes) => resolve(bytes.toString('latin1')));
  socket.on('error', reject);
  socket.on('timeout', () => reject(new Error('no answer')));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** What servers leave on the host: domains, files, interfaces, switch ports and rules. */
async function traces() {
  const { layout, programs } = the().engines;
  const libvirt = createLibvirt({ socketPath: layout.libvirtSocket });
  const domains = await libvirt.listDomains();
  await libvirt.close();
  const links = JSON.parse(await run('ip', ['-n', layout.namespace, '-j', 'link', 'show'])) as { ifname: string }[];
  const sources = ['servers', 'vnc', 'scratch'].map((name) => readdir(join(layout.computeDirectory, name)));
  return {
    domains,
    files: await Promise.all(sources),
    links: links.map(({ ifname }) => ifname).toSorted(),
    ports: (await run(programs.program('ovs-vsctl'), [`--db=unix:${layout.confSocket}`, 'list-ports', layout.integrationBridge])).trim().split('\n').toSorted(),
    rules: await run('nft', ['list', 'ruleset'], { namespace: layout.networkNamespacePath }),
  };
}

/** Another machine, as far as the host can tell: a namespace on a link of its own, with no route but to the host. */
async function worldBeyond(t: TestContext): Promise<string> {
  const [name, link] = [`ic-world-${process.pid}`, `icw${process.pid}`];
  t.after(() => run('ip', ['netns', 'delete', name]));
  await run('ip', ['netns', 'add', name]);
  await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
  await run('ip', ['address', 'add', '198.51.100.1/24', 'dev', link]);
  await run('ip', ['link', 'set', link, 'up']);
  await run('ip', ['-n', name, 'address', 'add', '198.51.100.2/24', 'dev', 'eth0']);
  await run('ip', ['-n', name, 'link', 'set', 'eth0', 'up']);
  return '198.51.100.2';
}

function nicOf({ id, networkId, mac }: PortSpec): ServerSpec['nics'][number] {
  return { portId: id, networkId, mac, mtu: 1442, addresses: [] };
}

/** A network behind a router to the outside, with one port that has a floating address. */
function network() {
  const subnet = (cidr: string, dhcp: boolean) => ({ id: randomUUID(), version: 4 as const, cidr, gateway: cidr.replace('.0/24', '.1'), dhcp, dnsServers: [], hostRoutes: [] });
  const inner = subnet('10.77.0.0/24', true);
  const { cidr, hostAddress } = the().external;
  const prefix = cidr.replace(/0\/24$/, '');
  const outer = subnet(cidr, false);
  const common = { generation: 1, adminUp: true };
  const inside: NetworkSpec = { kind: 'network', id: randomUUID(), projectId: 'p', ...common, mtu: 1442, physicalNetwork: null, subnets: [inner], servicePort: { mac: 'fa:16:3e:77:00:02', addresses: [{ subnetId: inner.id, address: '10.77.0.2' }] } };
  const outside: NetworkSpec = { kind: 'network', id: randomUUID(), projectId: 'p', ...common, mtu: 1500, physicalNetwork: the().engines.layout.physicalNetwork, subnets: [outer], servicePort: null };
  const rule = (direction: 'ingress' | 'egress') => ({ id: randomUUID(), direction, version: 4 as const, protocol: null, portMin: null, portMax: null, remote: { kind: 'any' as const } });
  const group: SecurityGroupSpec = { kind: 'security-group', id: randomUUID(), projectId: 'p', generation: 1, stateful: true, rules: [rule('ingress'), rule('egress')] };
  const port: PortSpec = {
    kind: 'port', id: randomUUID(), projectId: 'p', ...common, networkId: inside.id, mac: 'fa:16:3e:77:00:0a', addresses: [{ subnetId: inner.id, address: '10.77.0.10' }],
    portSecurity: true, allowedAddressPairs: [], securityGroups: [group.id], hostId: HOST,
  };
  const router: RouterSpec = {
    kind: 'router', id: randomUUID(), projectId: 'p', ...common, routes: [],
    interfaces: [{ portId: randomUUID(), networkId: inside.id, mac: 'fa:16:3e:77:00:01', addresses: ['10.77.0.1/24'] }],
    gateway: { portId: randomUUID(), networkId: outside.id, mac: 'fa:16:3e:77:01:01', addresses: [`${prefix}100/24`], nextHops: [hostAddress], snat: true },
  };
  const floatingAddress = `${prefix}200`;
  const floating = { kind: 'floating-ip' as const, id: randomUUID(), projectId: 'p', generation: 1, routerId: router.id, externalAddress: floatingAddress, internalAddress: '10.77.0.10', portId: port.id };
  return { resources: [inside, outside, group, port, router, floating], port, floatingAddress };
}
