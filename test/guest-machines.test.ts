import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { ServerSpec } from '../drivers/driver.ts';
import { domainXml } from '../drivers/libvirt-ovn/domain-xml.ts';
import { Fault } from '../kit/fault.ts';
import { demandHardware, hardwareOf } from '../services/compute/hardware.ts';

const run = promisify(execFile);
/** libvirt's own, as the distribution ships it: what `virt-xml-validate` goes by. */
const schema = '/usr/share/libvirt/schemas/domain.rng';
const skip = existsSync('/usr/bin/xmllint') && existsSync(schema) ? false : 'libxml2-utils or libvirt0 is not installed';

type Said = { where: 'flavor' | 'image'; name: string; value: string };
const values: Record<Said['where'], Record<string, readonly string[]>> = {
  image: {
    hw_machine_type: ['q35', 'pc'], hw_firmware_type: ['uefi', 'bios'], os_secure_boot: ['required', 'disabled'],
    hw_disk_bus: ['ide', 'sata', 'scsi', 'usb', 'virtio'], hw_cdrom_bus: ['ide', 'sata', 'scsi', 'usb', 'virtio'], hw_scsi_model: ['lsilogic', 'virtio-scsi'],
    hw_vif_model: ['virtio', 'ne2k_pci', 'pcnet', 'rtl8139', 'e1000', 'e1000e', 'igb'], hw_vif_multiqueue_enabled: ['true'],
    hw_video_model: ['cirrus', 'qxl', 'vga', 'vmvga', 'virtio', 'none', 'bochs'], hw_video_ram: ['64'],
    hw_rng_model: ['virtio'], hw_watchdog_action: ['none', 'pause', 'poweroff', 'reset', 'disabled'], hw_boot_menu: ['true'],
    hw_cpu_sockets: ['2'], hw_cpu_max_cores: ['1'], img_hide_hypervisor_id: ['true'], hw_pmu: ['true', 'false'], hw_serial_port_count: ['1', '3'],
    hw_pointer_model: ['usbtablet'], hw_input_bus: ['usb', 'virtio'], hw_qemu_guest_agent: ['yes'], os_type: ['windows', 'linux'],
    hw_numa_nodes: ['2'], hw_cpu_policy: ['dedicated', 'shared'],
  },
  flavor: {
    'hw:watchdog_action': ['reset'], 'hw_video:ram_max_mb': ['128'], 'hw_rng:allowed': ['False'], 'hw_rng:rate_bytes': ['2048'], 'hw_rng:rate_period': ['500'],
    'hw:boot_menu': ['true'], 'hw:vif_multiqueue_enabled': ['true'], 'hw:serial_port_count': ['2'], 'hw:cpu_threads': ['2'], 'hw:pmu': ['true'], 'os:secure_boot': ['required'],
    'hw:hide_hypervisor_id': ['true'], 'quota:disk_total_iops_sec': ['100'], 'quota:disk_read_bytes_sec': ['1000000'], 'hw:numa_nodes': ['2'], 'hw:cpu_policy': ['dedicated', 'shared'],
  },
};
const all: Said[] = (['image', 'flavor'] as const).flatMap((where) => Object.entries(values[where]).flatMap(([name, list]) => list.map((value) => ({ where, name, value }))));

test('every two things that an image and a flavor say together make a machine that libvirt’s schema allows, or are refused (FAILURES 18)', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'test-machines-'));
  t.after(() => rm(folder, { recursive: true }));
  const pairs = all.flatMap((one, index) => all.slice(index).filter((other) => other === one || other.where !== one.where || other.name !== one.name).map((other) => [one, other] as const));
  const files: string[] = [];
  let refused = 0;
  for (const [one, other] of pairs) {
    const saidBy = (where: Said['where']) => Object.fromEntries([one, other].filter((each) => each.where === where).map(({ name, value }) => [name, value]));
    const flavor = { name: 'm', vcpus: 4, memoryMiB: 1_024, extraSpecs: saidBy('flavor') };
    try {
      demandHardware({ flavor, image: saidBy('image') });
    } catch (error) {
      assert.ok(error instanceof Fault && error.status === 400, String(error));
      refused++;
      continue;
    }
    const hardware = hardwareOf({ flavor, image: saidBy('image') });
    for (const accelerator of ['tcg', 'kvm'] as const) {
      const file = join(folder, `${[one.name, one.value, other.name, other.value, accelerator].join('=').replaceAll(/[^\w=]/g, '-')}.xml`);
      await writeFile(file, domainXml({ ...spec, hardware }, { accelerator, emulator: '/usr/bin/qemu-system-x86_64' }));
      files.push(file);
    }
  }
  const wrong = join(folder, 'wrong.xml');
  await writeFile(wrong, domainXml(spec, { accelerator: 'tcg', emulator: '/usr/bin/qemu-system-x86_64' }).replace('<vcpu>', '<vcpu pinned="yes">'));

  const { stderr } = await run('/usr/bin/xmllint', ['--noout', '--nonet', '--relaxng', schema, ...files, wrong], { maxBuffer: 1 << 26 }).catch((error: { stderr: string }) => error);

  // The wrong one proves that anything was looked at.
  const failed = stderr.split('\n').filter((line) => line.endsWith(' fails to validate'));
  assert.deepEqual(failed, [`${wrong} fails to validate`], stderr.slice(0, 4_000));
  assert.equal(stderr.split('\n').filter((line) => line.endsWith(' validates')).length, files.length);
  assert.ok(refused > 0 && files.length > 1_000, `${files.length} machines, ${refused} refused`);
});

const id = '11111111-2222-4333-8444-555555555555';
const spec: ServerSpec = {
  id, generation: 1, hostId: 'host-1', power: 'running', vcpus: 4, memoryMiB: 1_024, bootEpoch: 0,
  rootDisk: { kind: 'volume', volumeId: id },
  localDisks: [{ name: 'ephemeral0', device: '/dev/vdb', sizeMiB: 1_024, format: 'ext4', epoch: 0 }],
  volumes: [{ volumeId: 'aaaaaaaa-2222-4333-8444-555555555555', device: '/dev/vdc' }],
  nics: [{ portId: 'bbbbbbbb-2222-4333-8444-555555555555', networkId: id, mac: 'fa:16:3e:00:00:01', mtu: 1442, addresses: [] }],
  configDrive: true,
  metadata: {
    uuid: id, name: 'web', hostname: 'web', projectId: 'p', availabilityZone: 'nova', launchIndex: 0, publicKeys: {}, meta: {}, adminPass: null, userData: null,
    networkData: {}, fixedIps: [], floatingIps: [], securityGroups: [], instanceType: 'm1.tiny',
  },
};
