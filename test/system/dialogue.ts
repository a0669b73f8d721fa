/** What a new user does with the stock client, from the first network to the last deletion; the same on every driver. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { run, type WholeCloud } from './whole-cloud.ts';

type Show = Record<string, unknown> & { id: string; status: string };

/** `guest`: whether machines are real, so that one can log in and look around. */
export async function dialogue(t: TestContext, cloud: WholeCloud, { guest, folder }: { guest: boolean; folder: string }): Promise<void> {
  const { openstack, ask } = cloud;
  const key = join(folder, 'key');

  await t.test('it shows who one is and what there is', async () => {
    const token = await ask<{ project_id: string }>(['token', 'issue']);
    assert.match(token.project_id, /^[0-9a-f]{32}$/);
    const catalog = await ask<{ Type: string }[]>(['catalog', 'list']);
    for (const type of ['identity', 'compute', 'network', 'image', 'volumev3', 'placement']) assert.ok(catalog.some(({ Type }) => Type === type), type);
    assert.ok((await ask<unknown[]>(['flavor', 'list'])).length >= 3);
    assert.ok((await ask<{ Name: string; Status: string }[]>(['image', 'list'])).some(({ Name, Status }) => Name === 'cirros' && Status === 'active'));
    assert.ok((await ask<{ Name: string }[]>(['network', 'list', '--external'])).some(({ Name }) => Name === 'public'));
  });

  await t.test('it makes a network, a subnet and a router with an external gateway', async () => {
    await openstack(['network', 'create', 'net']);
    await openstack(['subnet', 'create', '--network', 'net', '--subnet-range', '10.20.0.0/24', '--dns-nameserver', '9.9.9.9', 'subnet']);
    await openstack(['router', 'create', 'router']);
    await openstack(['router', 'set', '--external-gateway', 'public', 'router']);
    await openstack(['router', 'add', 'subnet', 'router', 'subnet']);
    const router = await ask<{ external_gateway_info: { enable_snat: boolean } }>(['router', 'show', 'router']);
    assert.equal(router.external_gateway_info.enable_snat, true);
  });

  await t.test('it makes a security group with ssh and icmp, and a key pair', async () => {
    await openstack(['security', 'group', 'create', 'web']);
    await openstack(['security', 'group', 'rule', 'create', '--protocol', 'icmp', 'web']);
    await openstack(['security', 'group', 'rule', 'create', '--protocol', 'tcp', '--dst-port', '22', 'web']);
    writeFileSync(key, await openstack(['keypair', 'create', 'mine']), { mode: 0o600 });
    assert.match(readFileSync(key, 'utf8'), /PRIVATE KEY/);
  });

  await t.test('it boots a server and waits for it', async () => {
    await openstack(['server', 'create', '--flavor', 'm1.nano', '--image', 'cirros', '--network', 'net', '--security-group', 'web', '--key-name', 'mine', '--property', 'role=front', '--wait', 'web-1']);
    const server = await ask<Show>(['server', 'show', 'web-1']);
    assert.equal(server.status, 'ACTIVE');
  });

  let address = '';
  await t.test('it gives the server a floating address', async () => {
    const made = await ask<{ floating_ip_address: string }>(['floating', 'ip', 'create', 'public']);
    address = made.floating_ip_address;
    await openstack(['server', 'add', 'floating', 'ip', 'web-1', address]);
    assert.ok((await openstack(['server', 'show', 'web-1', '-c', 'addresses', '-f', 'value'])).includes(address));
  });

  if (guest) {
    await t.test('it logs in with the key, and finds name and metadata right', async () => {
      assert.equal((await waitForSsh(key, address, 'hostname')).trim(), 'web-1');
      const metadata = JSON.parse(await ssh(key, address, 'wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json')) as { name: string; meta: Record<string, string>; uuid: string };
      const { id } = await ask<Show>(['server', 'show', 'web-1']);
      assert.deepEqual({ name: metadata.name, meta: metadata.meta, uuid: metadata.uuid }, { name: 'web-1', meta: { role: 'front' }, uuid: id });
    });

    await t.test('the guest reaches the outside through the router', async () => {
      const { subnets } = await ask<{ subnets: string[] }>(['network', 'show', 'public']);
      const { gateway_ip: gateway } = await ask<{ gateway_ip: string }>(['subnet', 'show', subnets[0]!]);
      assert.match(await ssh(key, address, `ping -c 3 -W 5 ${gateway}`), / 0% packet loss/);
    });
  }

  await t.test('a volume is made, attached, used and detached', async () => {
    await openstack(['volume', 'create', '--size', '1', 'data']);
    await until(() => ask<Show>(['volume', 'show', 'data']), ({ status }) => status === 'available');
    await openstack(['server', 'add', 'volume', 'web-1', 'data']);
    await until(() => ask<Show>(['volume', 'show', 'data']), ({ status }) => status === 'in-use');
    if (guest) {
      assert.match(await ssh(key, address, 'sudo mkfs.ext4 -q /dev/vdb && sudo mount /dev/vdb /mnt && echo kept | sudo tee /mnt/file && sudo umount /mnt && lsblk -b -n -o SIZE /dev/vdb'), /1073741824/);
    }
    await openstack(['server', 'remove', 'volume', 'web-1', 'data']);
    await until(() => ask<Show>(['volume', 'show', 'data']), ({ status }) => status === 'available');
    if (guest) await untilText(() => ssh(key, address, 'ls /dev/vdb 2>&1 || true'), (text) => text.includes('No such file'));
  });

  await t.test('an image is made of the server, and a second server boots from it', async () => {
    await openstack(['server', 'image', 'create', '--name', 'web-image', '--wait', 'web-1']);
    await until(() => ask<Show>(['image', 'show', 'web-image']), ({ status }) => status === 'active');
    await openstack(['server', 'create', '--flavor', 'm1.nano', '--image', 'web-image', '--network', 'net', '--security-group', 'web', '--key-name', 'mine', '--wait', 'web-2']);
    assert.equal((await ask<Show>(['server', 'show', 'web-2'])).status, 'ACTIVE');
  });

  await t.test('its screen and its serial line are reached at the addresses that the client is given', async () => {
    const addressOf = async (kind: string) => (await ask<{ url: string }>(['console', 'url', 'show', kind, 'web-1'])).url;
    const page = await addressOf('--novnc');
    assert.match(await (await fetch(page)).text(), /noVNC/);
    const { origin, searchParams } = new URL(page);
    assert.match(await firstWords(`${origin.replace('http', 'ws')}/${searchParams.get('path')}`), /^RFB 003\.008/);
    assert.match(await firstWords(await addressOf('--serial'), '\n'), /\S/);
  });

  await t.test('the console log shows the boot', async () => {
    await untilText(() => openstack(['console', 'log', 'show', 'web-1']), (text) => /login:/.test(text));
  });

  await t.test('the server is rebooted softly and hard, stopped and started', async () => {
    await openstack(['server', 'reboot', '--soft', '--wait', 'web-1']);
    await openstack(['server', 'reboot', '--hard', '--wait', 'web-1']);
    await openstack(['server', 'stop', 'web-1']);
    await until(() => ask<Show>(['server', 'show', 'web-1']), ({ status }) => status === 'SHUTOFF');
    await openstack(['server', 'start', 'web-1']);
    await until(() => ask<Show>(['server', 'show', 'web-1']), ({ status }) => status === 'ACTIVE');
    if (guest) assert.equal((await waitForSsh(key, address, 'hostname')).trim(), 'web-1');
  });

  await t.test('the server is resized, and keeps its address', async () => {
    await openstack(['server', 'resize', '--flavor', 'm1.micro', '--wait', 'web-1']);
    await openstack(['server', 'resize', 'confirm', 'web-1']);
    await until(() => ask<Show>(['server', 'show', 'web-1']), ({ status }) => status === 'ACTIVE');
    if (guest) assert.equal((await waitForSsh(key, address, 'hostname')).trim(), 'web-1');
  });

  await t.test('the server is rebuilt', async () => {
    await openstack(['server', 'rebuild', '--image', 'cirros', '--wait', 'web-1']);
    await until(() => ask<Show>(['server', 'show', 'web-1']), ({ status }) => status === 'ACTIVE');
    if (guest) assert.equal((await waitForSsh(key, address, 'hostname')).trim(), 'web-1');
  });

  await t.test('everything is deleted, and the doctor finds nothing left behind', async () => {
    await openstack(['server', 'delete', '--wait', 'web-1', 'web-2']);
    await openstack(['floating', 'ip', 'delete', address]);
    await openstack(['volume', 'delete', 'data']);
    await openstack(['image', 'delete', 'web-image']);
    await openstack(['router', 'remove', 'subnet', 'router', 'subnet']);
    await openstack(['router', 'delete', 'router']);
    await openstack(['network', 'delete', 'net']);
    await openstack(['security', 'group', 'delete', 'web']);
    await openstack(['keypair', 'delete', 'mine']);
    await until(() => ask<unknown[]>(['volume', 'list']), (volumes) => volumes.length === 0);
    assert.deepEqual(await ask(['server', 'list']), []);
    assert.deepEqual(await ask(['port', 'list']), []);
    await healthy(cloud);
  });
}

/** The doctor finds nothing, at the latest when what is under way has settled. */
export async function healthy(cloud: WholeCloud): Promise<void> {
  await until(
    async () => cloud.intercloud(['doctor']),
    ({ code }) => code === 0,
    60,
  );
}

const sshOptions = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=5', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes'];

export async function ssh(key: string, address: string, command: string, timeoutMs = 60_000): Promise<string> {
  const { code, out, err } = await run(['ssh', '-i', key, ...sshOptions, `cirros@${address}`, command], { env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' }, timeoutMs });
  if (code !== 0) throw new Error(`ssh ${address} ${command}: ${code} ${out}${err}`);
  return out;
}

/** A guest under emulation needs its time; anything but "not yet" ends the waiting. */
export async function waitForSsh(key: string, address: string, command: string): Promise<string> {
  let last: unknown;
  const deadline = Date.now() + 120_000;
  while (Date.now() < deadline) {
    try {
      // A connection that is cut by a moved address hangs and does not fail.
      return await ssh(key, address, command, 15_000);
    } catch (error) {
      last = error;
      if (!/Connection (refused|timed out|reset|closed)|No route to host|Permission denied|banner|stopped after/.test(String(error))) throw error;
    }
  }
  throw last;
}

/** Asks again until the answer is as wished: each question takes the client a second of its own. */
async function until<T>(ask: () => Promise<T>, wished: (answer: T) => boolean, tries = 60): Promise<T> {
  let answer = await ask();
  for (let count = 1; count < tries && !wished(answer); count++) answer = await ask();
  assert.ok(wished(answer), JSON.stringify(answer));
  return answer;
}

const untilText: (ask: () => Promise<string>, wished: (text: string) => boolean) => Promise<string> = until;

/** What is said first that can be seen, to whoever says this again and again. */
async function firstWords(address: string, says?: string): Promise<string> {
  const client = new WebSocket(address);
  client.binaryType = 'arraybuffer';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let heard = '';
  client.addEventListener('message', ({ data }) => {
    heard += Buffer.from(data as ArrayBuffer).toString('latin1');
    if (heard.trim() !== '') resolve(heard.trimStart());
  });
  client.addEventListener('error', () => reject(new Error(`${new URL(address).pathname} refused the connection`)));
  const saying = setInterval(() => says !== undefined && client.readyState === WebSocket.OPEN && client.send(says), 500);
  try {
    return await promise;
  } finally {
    clearInterval(saying);
    client.close();
  }
}
