import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { titleHeaders } from './titled-headers.ts';

for (const [how, answer] of [
  ['one by one', (response: ServerResponse) => void response.setHeader('x-container-meta-colour-2', 'blue')],
  ['at once', (response: ServerResponse) => void response.writeHead(200, { 'x-container-meta-colour-2': 'blue', 'x-none': undefined })],
] as const)
  test(`headers that are set ${how} go out with their names titled`, async (t) => {
    const server = createServer((_request, response) => {
      titleHeaders(response);
      answer(response);
      response.end();
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');

    const [response] = (await once(request({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent: false }).end(), 'response')) as [IncomingMessage];
    response.resume();

    assert.deepEqual(response.rawHeaders.slice(0, 2), ['X-Container-Meta-Colour-2', 'blue']);
  });
