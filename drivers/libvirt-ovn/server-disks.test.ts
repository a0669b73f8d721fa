import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LocalDiskSpec } from '../driver.ts';
import { serverOf } from '../spec.fixtures.ts';
import { run } from './command.ts';
import { openDisks, type Disks } from './disks.ts';
import type { EngineLayout } from './engine-layout.ts';
import { whyNot } from './host.fixture.ts';
import type { ImageCache } from './images.ts';
import { qemuUser } from './libvirt-daemon.ts';
import { ensureServerFiles, noFiles, serverPaths } from './server-disks.ts';

test('disks of the host are made ready, grow with what is on them, are made anew by their epoch, and go', { skip: await whyNot(), timeout: 60_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ic-disks-'));
  t.after(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o711);
  const user = await qemuUser();
  const disks = await openDisks({ layout: { computeDirectory: folder } as EngineLayout, user });
  const server = { ...serverOf('host-1', undefined as never), rootDisk: { kind: 'volume' as const, volumeId: 'none' } };
  const ensure = (made: typeof noFiles, localDisks: LocalDiskSpec[]) => ensureServerFiles({ disks, images: undefined as unknown as ImageCache, user, made, spec: { ...server, localDisks } });
  const look = (name: string) => whatIsOn(disks, join(serverPaths(disks, server.id).folder, `${name}.qcow2`), folder);
  const ephemeral = (sizeMiB: number, epoch: number) => ({ name: 'ephemeral0', device: '/dev/vdb', sizeMiB, format: 'ext4' as const, epoch });
  const swap = (sizeMiB: number) => ({ name: 'swap', device: '/dev/vdc', sizeMiB, format: 'swap' as const, epoch: 0 });

  const first = await ensure(noFiles, [ephemeral(16, 0), swap(8)]);
  const [data, paging] = [await look('ephemeral0'), await look('swap')];
  assert.deepEqual([data.kind, data.label, data.sizeMiB, paging.kind, paging.label, paging.sizeMiB], ['ext4', 'ephemeral0', 16, 'swap', 'swap', 8]);

  const second = await ensure(first, [ephemeral(32, 0), swap(16)]);
  const [grown, other] = [await look('ephemeral0'), await look('swap')];
  assert.deepEqual([grown.id, grown.sizeMiB, other.sizeMiB], [data.id, 32, 16]);
  assert.notEqual(other.id, paging.id);

  const third = await ensure(second, [ephemeral(32, 1)]);
  assert.notEqual((await look('ephemeral0')).id, data.id);
  assert.deepEqual((await readdir(serverPaths(disks, server.id).folder)).filter((name) => name.endsWith('.qcow2')), ['ephemeral0.qcow2']);
  await assert.rejects(ensure(third, [ephemeral(16, 1)]), { kind: 'invalid' });
});

async function whatIsOn(disks: Disks, path: string, folder: string): Promise<{ kind: string; label: string; id: string; sizeMiB: number }> {
  const plain = join(folder, 'looked-at.raw');
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, plain]);
  const facts = Object.fromEntries((await run('blkid', ['-p', '-o', 'export', plain])).trim().split('\n').map((line) => line.split('=') as [string, string]));
  return { kind: facts['TYPE'] ?? '', label: facts['LABEL'] ?? '', id: facts['UUID'] ?? '', sizeMiB: (await disks.virtualSizeBytes(path, 'qcow2')) / 2 ** 20 };
}
