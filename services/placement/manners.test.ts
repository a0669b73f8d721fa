/** How placement says no where no provider is to blame, as its own tests and clients expect it: placement/tests/functional/gabbits/ */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud } from '../../test/cloud.ts';

test('another method, another type and another version are refused, each by its name', async (t) => {
  const cloud = await startCloud(t, { hosts: 0 });
  const token = await cloud.admin.token();
  const ask = async (method: string, path: string, { headers = {}, body }: { headers?: Record<string, string>; body?: string } = {}) => {
    const reply = await cloud.fetch(`http://cloud.example/placement${path}`, { method, headers: { 'x-auth-token': token, ...headers }, ...(body === undefined ? {} : { body }) });
    const text = await reply.text();
    const shown = text === '' ? undefined : (JSON.parse(text) as { errors?: { detail: string }[] });
    return { status: reply.status, detail: shown?.errors?.[0]?.detail.split('\n')[0], header: (name: string) => reply.headers.get(name) };
  };
  const json = { 'content-type': 'application/json' };
  const at = (version: string) => ({ 'openstack-api-version': `placement ${version}` });
  const refusals: [method: string, path: string, options: Parameters<typeof ask>[2], status: number, detail: string][] = [
    ['DELETE', '/resource_providers', {}, 405, 'The method DELETE is not allowed for this resource.'],
    ['OPTIONS', '', {}, 405, 'The method OPTIONS is not allowed for this resource.'],
    ['DELETE', '/resource_providers/a/inventories', { headers: at('1.4') }, 405, 'The method DELETE is not allowed for this resource.'],
    ['GET', '/resource_providers', { headers: { accept: 'text/plain, text/html;q=0.5' } }, 406, 'Only application/json is provided'],
    ['POST', '/resource_providers', { headers: { 'content-type': 'text/plain' }, body: 'a provider' }, 415, 'The media type text/plain is not supported, use application/json'],
    ['POST', '/resource_providers', {}, 415, 'The media type None is not supported, use application/json'],
    ['PUT', '/resource_providers/a/traits', { headers: { ...at('1.5'), 'content-type': 'text/plain' }, body: 'traits' }, 404, 'The resource could not be found.'],
    ['PUT', '/resource_classes/CUSTOM_IRON', { headers: { ...at('1.6'), ...json } }, 400, 'Malformed JSON: Expecting value'],
    ['GET', '', { headers: at('0.5') }, 406, 'Unacceptable version header: 0.5'],
    ['GET', '', { headers: at('pony.horse') }, 400, 'Invalid microversion: invalid version string: pony.horse'],
    ['GET', '/resource_providers?spam=eggs', {}, 400, "Invalid query string parameters: Additional properties are not allowed ('spam' was unexpected)"],
    ['GET', '/resource_providers?uuid=spam', {}, 400, "Invalid query string parameters: 'spam' is not a 'uuid'"],
    ['GET', `/resource_providers?member_of=${crypto.randomUUID()}&member_of=${crypto.randomUUID()}`, { headers: at('1.23') }, 400, 'Multiple member_of parameters are not supported'],
    ['GET', `/resource_providers?member_of=!${crypto.randomUUID()}`, { headers: at('1.31') }, 400, 'Forbidden member_of parameters are not supported in the specified microversion'],
    ['GET', '/traits?associated=maybe', { headers: at('1.6') }, 400, 'The query parameter "associated" only accepts "true" or "false". Got: "maybe"'],
    ['PUT', `/allocations/${crypto.randomUUID()}`, { headers: { ...at('1.28'), ...json }, body: JSON.stringify({ allocations: { nowhere: { resources: { VCPU: 1 } } }, project_id: 'p', user_id: 'u', consumer_generation: null }) }, 400, "JSON does not validate: 'nowhere' does not match any of the regexes: '^[0-9a-fA-F-]{36}$'"],
  ];

  for (const [method, path, options, status, detail] of refusals) {
    const reply = await ask(method, path, options);
    assert.deepEqual([reply.status, reply.detail], [status, detail], `${method} ${path}`);
  }

  assert.equal((await ask('DELETE', '/resource_providers')).header('allow'), 'GET, POST');
  assert.equal((await ask('DELETE', '/resource_providers', { headers: { ...at('1.12'), 'x-auth-token': '' } })).status, 401);
  assert.equal((await ask('DELETE', '/resource_providers', { headers: at('1.12') })).header('openstack-api-version'), 'placement 1.12');
});

test('replies tell from 1.15 on how new they are', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const token = await cloud.admin.token();
  const headersAt = async (path: string, version: string) => {
    const { headers } = await cloud.fetch(`http://cloud.example/placement${path}`, { headers: { 'x-auth-token': token, 'openstack-api-version': `placement ${version}` } });
    return [headers.get('cache-control'), headers.get('last-modified') !== null];
  };

  for (const path of ['', '/resource_providers', '/traits', '/traits/HW_CPU_X86_AVX2', '/resource_classes']) assert.deepEqual([await headersAt(path, '1.14'), await headersAt(path, '1.15')], [[null, false], ['no-cache', true]], path);
});
