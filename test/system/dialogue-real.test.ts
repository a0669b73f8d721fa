import { dirname } from 'node:path';
import { test } from 'node:test';
import { dialogue } from './dialogue.ts';
import { startWholeCloud } from './whole-cloud.ts';

const skip = process.getuid?.() === 0 ? false : 'real machines need root';

test('the stock client boots a real machine, logs in and does all a new user does', { skip }, async (t) => {
  const cloud = await startWholeCloud({ driver: 'libvirt-ovn' });
  t.after(() => cloud.reset());

  await dialogue(t, cloud, { guest: true, folder: dirname(cloud.stateDir) });
});
