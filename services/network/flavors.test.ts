import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';

test('flavors of network services have profiles, which stay as they are while a flavor has them', async (t) => {
  const { admin, alice } = await networkFixture(t);
  assert.deepEqual(ok(await alice('GET', '/service-providers')).service_providers, [{ service_type: 'L3_ROUTER_NAT', name: 'ovn', default: true }]);
  assert.deepEqual(refusal(await alice('POST', '/flavors', { flavor: { service_type: 'L3_ROUTER_NAT' } })), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await admin('POST', '/flavors', { flavor: { service_type: 'VPN' } })), [400, 'HTTPBadRequest']);
  const { flavor } = ok(await admin('POST', '/flavors', { flavor: { name: 'fast', service_type: 'L3_ROUTER_NAT' } }), 201);
  assert.deepEqual(flavor, { id: flavor.id, name: 'fast', description: '', service_type: 'L3_ROUTER_NAT', enabled: true, service_profiles: [] });

  assert.deepEqual(refusal(await admin('POST', '/service_profiles', { service_profile: {} })), [400, 'ServiceProfileEmpty']);
  assert.deepEqual(refusal(await admin('POST', '/service_profiles', { service_profile: { driver: 'other' } })), [404, 'ServiceProfileDriverNotFound']);
  const { service_profile: profile } = ok(await admin('POST', '/service_profiles', { service_profile: { driver: 'ovn', metainfo: 'x' } }), 201);
  assert.deepEqual(profile, { id: profile.id, description: '', driver: 'ovn', enabled: true, metainfo: 'x' });

  const bind = () => admin('POST', `/flavors/${flavor.id}/service_profiles`, { service_profile: { id: profile.id } });
  ok(await bind(), 201);
  assert.deepEqual(refusal(await bind()), [409, 'FlavorServiceProfileBindingExists']);
  assert.deepEqual(ok(await alice('GET', '/flavors?name=fast')).flavors.map((each: { service_profiles: string[] }) => each.service_profiles), [[profile.id]]);
  assert.deepEqual(refusal(await admin('PUT', `/service_profiles/${profile.id}`, { service_profile: { metainfo: 'y' } })), [409, 'ServiceProfileInUse']);
  assert.deepEqual(refusal(await admin('DELETE', `/service_profiles/${profile.id}`)), [409, 'ServiceProfileInUse']);
  ok(await admin('DELETE', `/flavors/${flavor.id}/service_profiles/${profile.id}`), 204);
  assert.deepEqual(refusal(await admin('DELETE', `/flavors/${flavor.id}/service_profiles/${profile.id}`)), [404, 'FlavorServiceProfileBindingNotFound']);

  assert.equal(ok(await admin('PUT', `/service_profiles/${profile.id}`, { service_profile: { metainfo: 'y' } })).service_profile.metainfo, 'y');
  assert.equal(ok(await admin('PUT', `/flavors/${flavor.id}`, { flavor: { enabled: false } })).flavor.enabled, false);
  ok(await admin('DELETE', `/service_profiles/${profile.id}`), 204);
  ok(await admin('DELETE', `/flavors/${flavor.id}`), 204);
  assert.deepEqual(refusal(await alice('GET', `/flavors/${flavor.id}`)), [404, 'FlavorNotFound']);
});

test('a router is made of a flavor whose profile has a provider, and the flavor stays while there is one', async (t) => {
  const { admin, alice, findings } = await networkFixture(t);
  const { flavor } = ok(await admin('POST', '/flavors', { flavor: { name: 'fast', service_type: 'L3_ROUTER_NAT' } }), 201);
  const route = (flavor_id: string | null) => alice('POST', '/routers', { router: { name: 'way', flavor_id } });
  const profileOf = async (wish: object) => {
    const { service_profile: profile } = ok(await admin('POST', '/service_profiles', { service_profile: wish }), 201);
    ok(await admin('POST', `/flavors/${flavor.id}/service_profiles`, { service_profile: { id: profile.id } }), 201);
    return async () => ok(await admin('DELETE', `/flavors/${flavor.id}/service_profiles/${profile.id}`), 204);
  };

  assert.deepEqual(refusal(await route('none')), [404, 'FlavorNotFound']);
  assert.deepEqual(refusal(await route(null)), [404, 'FlavorNotFound']);
  assert.deepEqual(refusal(await route(flavor.id)), [404, 'FlavorServiceProfileBindingNotFound']);
  const unbind = [await profileOf({ metainfo: 'only that' })];
  assert.deepEqual(refusal(await route(flavor.id)), [404, 'ServiceProfileDriverNotFound']);
  await unbind.pop()!();
  unbind.push(await profileOf({ driver: 'ovn', enabled: false }));
  assert.deepEqual(refusal(await route(flavor.id)), [503, 'ServiceProfileDisabled']);
  await unbind.pop()!();
  assert.deepEqual(ok(await alice('GET', '/routers')).routers, []);

  await profileOf({ driver: 'ovn' });
  const { router } = ok(await route(flavor.id), 201);
  assert.equal(router.flavor_id, flavor.id);
  const { router: plain } = ok(await alice('POST', '/routers', { router: {} }), 201);
  assert.equal(plain.flavor_id, null);
  assert.deepEqual(ok(await alice('GET', '/routers?sort_key=flavor_id&sort_dir=desc&fields=flavor_id')).routers, [{ flavor_id: flavor.id }, { flavor_id: null }]);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${plain.id}`, { router: { flavor_id: flavor.id } })), [400, 'HTTPBadRequest']);
  assert.equal(ok(await alice('PUT', `/routers/${router.id}`, { router: { name: 'road' } })).router.flavor_id, flavor.id);
  assert.deepEqual(refusal(await admin('DELETE', `/flavors/${flavor.id}`)), [409, 'FlavorInUse']);
  ok(await alice('DELETE', `/routers/${router.id}`), 204);
  ok(await admin('DELETE', `/flavors/${flavor.id}`), 204);
  assert.deepEqual(await findings(), []);
});
