/** What is at the roots of services, where clients begin: each page is there, says what the contract says, and leads nowhere that is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contracts } from '../contract/contracts.ts';
import { startCloud } from './cloud.ts';

test('every page by which a service is found is there, and so is every page that it leads to', async (t) => {
  const { fetch, doors } = await startCloud(t);
  const base = `http://${[...doors.keys()][0]}`;
  const asked = new Map<string, number>();
  const statusOf = async (url: string): Promise<number> => {
    const known = asked.get(url);
    if (known !== undefined) return known;
    const { status } = await fetch(url);
    asked.set(url, status);
    return status;
  };

  for (const service of contracts)
    for (const { path, status } of service.discovery) {
      const response = await fetch(`${base}${path}`);
      const text = await response.text();
      assert.equal(response.status, status, path);
      for (const [, href] of text.matchAll(/"href":\s*"([^"]+)"/g)) {
        if (!href!.startsWith(base)) continue;
        // Glance has nothing there either: glance/api/v2/router.py
        if (new URL(href!).pathname === '/image/v2/') continue;
        const led = await statusOf(href!);
        // Behind some of them is what only a known caller sees.
        assert.ok(led < 400 || led === 401, `${path} leads to ${href}, which answers ${led}`);
      }
      const { microversions } = service;
      if (microversions && /"version"/.test(text)) assert.ok(text.includes(`"${microversions.max}"`) || !text.includes('CURRENT'), `${path} does not say ${microversions.max}`);
    }
  assert.ok(asked.size > 5);
});
