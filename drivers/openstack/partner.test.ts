import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../kit/clock.ts';
import { openPartner, type Partner } from './partner.ts';

const redirects = [301, 302, 303, 307, 308];

for (const status of redirects)
  test(`a partner that answers a login with ${status} gets our password nowhere else (ATTACKS 38)`, async (t) => {
    const { address: evil, heard } = await listener(t);
    const { address } = await serving(t, (request, response) => void response.writeHead(status, { location: `${evil}${request.url}` }).end());

    await assert.rejects(partnerAt(address).own(), { kind: 'unavailable' });

    assert.deepEqual(heard, []);
  });

for (const status of redirects)
  test(`a partner that answers with ${status} gets our token nowhere else, and may lead us about at home (ATTACKS 38)`, async (t) => {
    const { address: evil, heard } = await listener(t);
    let target = evil;
    const { address } = await serving(t, (request, response) => {
      if (request.url === '/v3/auth/tokens') return void response.writeHead(201, { 'x-subject-token': 'our-token', 'content-type': 'application/json' }).end(JSON.stringify(tokenAt(`http://${request.headers.host}`)));
      if (request.url === '/moved') return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"versions": [{"version": "2.96"}]}');
      response.writeHead(status, { location: `${target}/moved` }).end();
    });

    await assert.rejects(partnerAt(address).own(), { kind: 'unavailable' });
    assert.deepEqual(heard, []);

    target = '';
    const { versions } = await partnerAt(address).own();
    assert.deepEqual(versions, { compute: '2.37', volume: '2.96' });
  });

function partnerAt(address: string): Partner {
  return openPartner({ authUrl: `${address}/v3`, region: 'RegionOne', credential: { kind: 'password', user: 'us', password: 'our-password' }, userDomain: 'Default', domainId: 'default', clock: systemClock, attempts: 1 });
}

function tokenAt(address: string) {
  const place = (type: string, path: string) => ({ type, name: type, id: type, endpoints: [{ id: type, interface: 'public', region: 'RegionOne', region_id: 'RegionOne', url: `${address}${path}` }] });
  return {
    token: {
      methods: ['password'], expires_at: '2999-01-01T00:00:00.000000Z', issued_at: '2026-01-01T00:00:00.000000Z', audit_ids: ['a'], roles: [],
      user: { id: 'us', name: 'us', domain: { id: 'default', name: 'Default' }, password_expires_at: null },
      project: { id: 'ours', name: 'ours', domain: { id: 'default', name: 'Default' } },
      catalog: [place('compute', '/compute/v2.1'), place('volumev3', '/volume/v3'), place('network', '/network'), place('image', '/image')],
    },
  };
}

/** Somebody who is no partner, and what was said there. */
async function listener(t: TestContext): Promise<{ address: string; heard: string[] }> {
  const heard: string[] = [];
  const { address } = await serving(t, (request, response) => {
    heard.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
    response.end('{}');
  });
  return { address, heard };
}

async function serving(t: TestContext, answer: RequestListener): Promise<{ address: string }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
