import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { systemRandom } from '../../kit/clock.ts';
import { passingKey } from '../identity/vault.ts';
import { describeRemote, endpointOf, remoteBytes, sealToken, tokenOf, type Abroad } from './abroad.ts';
import { imageSettings } from './settings.ts';

const [older, newer] = [passingKey(systemRandom), passingKey(systemRandom)];
const endpoint = (more: object) => ({ id: 'e', interface: 'public', region: 'Two', region_id: 'Two', url: 'http://two.example/image/v2/', ...more });
const abroad: Abroad = {
  keys: [newer, older],
  catalog: () => Promise.resolve([{ id: 's', type: 'volumev3', name: '', endpoints: [endpoint({ url: 'http://wrong.example' })] }, { id: 't', type: 'image', name: '', endpoints: [endpoint({ region: null }), endpoint({ interface: 'admin', url: 'http://admin.example/image' }), endpoint({})] }]),
};

test('a token that waits for an import can be read by nobody else, and for no other task', () => {
  const order = { region: 'two', interface: 'public', imageId: 'i', endpoint: null };
  const sealedToken = sealToken(abroad, 'a token', { taskId: 'one', random: systemRandom });
  assert.ok(!Buffer.from(sealedToken, 'base64').includes('token'));
  assert.equal(tokenOf(abroad, { ...order, sealedToken }, 'one'), 'a token');
  assert.throws(() => tokenOf(abroad, { ...order, sealedToken }, 'other'), { name: 'Unsealable' });

  // Keys are replaced while tokens wait, and taken away at last.
  const before = sealToken({ ...abroad, keys: [older] }, 'a token', { taskId: 'one', random: systemRandom });
  assert.equal(tokenOf(abroad, { ...order, sealedToken: before }, 'one'), 'a token');
  assert.throws(() => tokenOf({ ...abroad, keys: [newer] }, { ...order, sealedToken: before }, 'one'), { name: 'Unreachable' });
});

test('a region is found in the catalog however it is written, with the interface that is asked for', async () => {
  const caller = { token: 't', projectId: 'p', userId: 'u' };
  const find = (region: string, wanted: string) => endpointOf(abroad, caller, { region, interface: wanted });
  assert.deepEqual(await Promise.all([find('two', 'public'), find('TWO', 'admin'), find('two', 'internal'), find('three', 'public')]), ['http://two.example/image', 'http://admin.example/image', null, null]);
});

test('the operator’s own services are reached wherever they are, and what they redirect to only as any user’s addresses, without the token (ATTACKS 8)', async (t) => {
  const heard: (string | undefined)[] = [];
  const other = await serve(t, (request, reply) => { heard.push(request.headers['x-auth-token'] as string | undefined); reply.end('{}'); });
  const there = await serve(t, (request, reply) => {
    heard.push(request.headers['x-auth-token'] as string | undefined);
    reply.writeHead(307, { location: request.url!.includes('metadata') ? 'http://169.254.169.254/latest/' : other }).end();
  });
  const asking = (imageId: string, downloads = {}) => ({ order: { region: 'two', interface: 'public', imageId, endpoint: there, sealedToken: '' }, token: 'secret', filter: imageSettings({ downloads }).downloads, signal: new AbortController().signal });

  await assert.rejects(describeRemote(asking('one')), /redirect to .* is not allowed/);
  await assert.rejects(describeRemote(asking('metadata')), /not at a public address/);
  await assert.rejects(describeRemote(asking('one', { allowed_networks: ['127.0.0.1/32'], allowed_ports: [Number(new URL(other).port)] })), /should be active instead of undefined/);
  assert.deepEqual(heard, ['secret', 'secret', 'secret', undefined]);
});

test('what another region says of an image, and sends of it, is believed only as far as it fits', async (t) => {
  const known = { status: 'active', size: 5, disk_format: 'raw', container_format: 'bare' };
  const answers: Record<string, { body: string; isChunked?: true }> = {
    none: { body: 'no JSON' },
    sizeless: { body: JSON.stringify({ ...known, size: null }) },
    odd: { body: JSON.stringify({ ...known, disk_format: 'odd' }) },
    wrong: { body: JSON.stringify({ ...known, hw_disk_bus: { not: 'text' } }) },
    long: { body: ' '.repeat(2 ** 20 + 1), isChunked: true },
  };
  const there = await serve(t, (request, reply) => {
    const [, name = '', file] = /images\/(\w+)(\/file)?$/.exec(request.url!) ?? [];
    const { body, isChunked } = file === undefined ? answers[name]! : { body: name === 'less' ? 'four' : 'six six', isChunked: true };
    if (isChunked) reply.write(body.slice(0, 1));
    reply.end(isChunked ? body.slice(1) : body);
  });
  const asking = (imageId: string) => ({ order: { region: 'two', interface: 'public', imageId, endpoint: there, sealedToken: '' }, token: 't', filter: imageSettings().downloads, signal: new AbortController().signal });

  for (const [name, words] of [['none', /cannot be read/], ['sizeless', /could not be determined/], ['odd', /no format that is known/], ['wrong', /no format that is known/], ['long', /too long/]] as const) await assert.rejects(describeRemote(asking(name)), words, name);
  for (const [name, words] of [['less', /has sent less than the 5 bytes/], ['more', /has sent more than the 5 bytes/]] as const) await assert.rejects(async () => Array.fromAsync((await remoteBytes(asking(name), 5)).bytes), words);
});

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}
