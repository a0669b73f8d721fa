/** `intercloud image build`: what was made on this machine, in the cloud. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bringGuestImage, demandBuildable } from '../cli/image-building.ts';
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import { startCloud } from './cloud.ts';

test('an image that was built here is there for everybody, or nothing of it is', async (t) => {
  const { admin, alice } = await startCloud(t);
  const folder = await mkdtemp(join(tmpdir(), 'built-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'guest.qcow2');
  const bring = () => bringGuestImage({ images: admin.image, path, name: 'built-here', visibility: 'public' });
  await writeFile(path, soundQcow2());

  const id = await bring();
  const made: Record<string, unknown> = (await alice.image.images.show({ params: { image_id: id } })).body;
  assert.deepEqual([made['status'], made['os_admin_user'], made['virtual_size']], ['active', 'cirros', 2 ** 30]);

  await writeFile(path, 'no disk');
  await assert.rejects(bring(), /does not match/);
  assert.deepEqual((await admin.image.images.list({ query: { name: 'built-here' } })).body.images.map((image) => image.id), [id]);
});

test('who builds without the programs for it is told which packages have them', async () => {
  await assert.rejects(demandBuildable('/nowhere'), (error: Error & { remedy?: string }) => /cannot be built here without .*syslinux.*qemu-img/.test(error.message));
});
