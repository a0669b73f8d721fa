import { test } from 'node:test';
import { dirname } from 'node:path';
import { dialogue } from './dialogue.ts';
import { startWholeCloud } from './whole-cloud.ts';

test('the stock client does all a new user does, as an ordinary user on simulated hosts', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true });
  t.after(() => cloud.reset());

  await dialogue(t, cloud, { guest: false, folder: dirname(cloud.stateDir) });
});
