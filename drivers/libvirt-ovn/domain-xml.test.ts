import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerSpec } from '../driver.ts';
import { domainXml, readDevices } from './domain-xml.ts';
import { element, toText } from './xml.ts';

const id = '11111111-2222-4333-8444-555555555555';
const volumeId = 'aaaaaaaa-2222-4333-8444-555555555555';
const portId = 'bbbbbbbb-2222-4333-8444-555555555555';

test('text stays text, whatever is in it', () => {
  const hostile = `</title><devices attr="x" o='y'>&amp;\u0000\u0007`;

  const text = toText(element('title', { note: hostile }, hostile));

  assert.equal(text.match(/[<>]/g)?.length, 4);
  assert.doesNotMatch(text, /["'].*["'].*["']/s);
  assert.doesNotMatch(text, /[\u0000-\u0008]/); // oxlint-disable-line no-control-regex
});

test('a name cannot add a device (ATTACKS 37)', () => {
  const xml = domainXml(spec({ name: `x</title><devices><disk type='file'><source file='/etc/shadow'/></disk></devices><title>` }), { accelerator: 'tcg', emulator: '/usr/bin/qemu-system-x86_64' });

  assert.equal(xml.match(/<source file=/g)?.length, 2);
  assert.doesNotMatch(xml, /<source file='/);
});

test('a title has one line and is never empty', () => {
  const titled = (name: string) => /<title>(.*?)<\/title>/s.exec(domainXml(spec({ name }), { accelerator: 'tcg', emulator: 'qemu' }))?.[1];

  assert.equal(titled('two\nlines'), 'two lines');
  assert.equal(titled(' \t'), id);
});

test('every disk says its format, and every interface that checksums are complete (ATTACKS 4, 5)', () => {
  const xml = domainXml(spec({}), { accelerator: 'tcg', emulator: '/usr/bin/qemu-system-x86_64' });

  assert.match(xml, /^<domain type="qemu">/);
  assert.equal(xml.match(/<disk /g)?.length, xml.match(/<driver name="qemu" type="(qcow2|raw)"/g)?.length);
  assert.equal(xml.match(/<interface /g)?.length, xml.match(/<host csum="off"/g)?.length);
});

test('disks of the host come between root and volumes, each found by its name', () => {
  const localDisks = [{ name: 'ephemeral0', device: '/dev/vdb', sizeMiB: 1024, format: 'ext4' as const, epoch: 0 }];

  const xml = domainXml({ ...spec({}), localDisks, volumes: [{ volumeId, device: '/dev/vdc' }] }, { accelerator: 'tcg', emulator: 'qemu' });

  assert.deepEqual([...xml.matchAll(/<target dev="(vd.)" bus="virtio"\/>\s*<serial>(.*?)<\/serial>/g)].map(([, device, serial]) => [device, serial]), [['vda', id], ['vdb', 'ephemeral0'], ['vdc', volumeId]]);
  assert.match(xml, new RegExp(`servers/${id}/ephemeral0.qcow2`));
});

test('disks and interfaces are read out of what libvirt says', () => {
  const xml = `<domain><devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a.qcow2' index='1'/><backingStore type='file'><source file='/base'/></backingStore><target dev='vdb' bus='virtio'/><serial>${volumeId}</serial></disk>
    <disk type='file' device='cdrom'><source file='/config.iso'/><target dev='hda' bus='ide'/></disk>
    <interface type='ethernet'><mac address='fa:16:3e:00:00:01'/><target dev='tapbbbbbbbb-22' managed='no'/></interface>
  </devices></domain>`;

  const { disks, nics } = readDevices(xml);

  assert.deepEqual(disks.map(({ device, serial, path }) => ({ device, serial, path })), [{ device: 'vdb', serial: volumeId, path: '/a.qcow2' }]);
  assert.deepEqual(nics.map(({ tap, mac }) => ({ tap, mac })), [{ tap: 'tapbbbbbbbb-22', mac: 'fa:16:3e:00:00:01' }]);
});

function spec({ name = 'web' }: { name?: string }): ServerSpec {
  return {
    id, generation: 1, hostId: 'host-1', power: 'running', vcpus: 1, memoryMiB: 128, bootEpoch: 0,
    rootDisk: { kind: 'volume', volumeId: id },
    volumes: [{ volumeId, device: '/dev/vdb' }],
    nics: [{ portId, networkId: id, mac: 'fa:16:3e:00:00:01', mtu: 1442, addresses: [] }],
    configDrive: false,
    metadata: {
      uuid: id, name, hostname: 'web', projectId: 'p', availabilityZone: 'nova', launchIndex: 0, publicKeys: {}, meta: {}, adminPass: null, userData: null,
      networkData: {}, fixedIps: [], floatingIps: [], securityGroups: [], instanceType: 'm1.tiny',
    },
  };
}
