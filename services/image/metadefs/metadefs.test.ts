import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud } from '../../../test/cloud.ts';
import { readCatalog } from './catalog.ts';

test('a cloud begins with the definitions that clients know, seen by everybody and safe from mistakes', async (t) => {
  const { alice, admin } = await startCloud(t);
  const names = (await readCatalog()).map(({ namespace }) => namespace);

  const { namespaces } = (await alice.image.metadefNamespaces.list({ query: { limit: '1000', sort_key: 'namespace', sort_dir: 'asc' } })).body;
  assert.deepEqual(namespaces.map(({ namespace }) => namespace).sort(), names.sort());
  assert.ok(namespaces.every((each) => each.visibility === 'public' && each.protected));
  const { properties } = (await alice.image.metadefNamespaces.show({ params: { namespace: 'OS::Compute::Watchdog' }, query: { resource_type: 'OS::Nova::Flavor' } })).body;
  assert.deepEqual(properties, { 'hw:watchdog_action': { title: 'Watchdog action', type: 'string', enum: ['disabled', 'reset', 'poweroff', 'pause', 'none'] } });
  assert.ok((await alice.image.metadefResourceTypes.list()).body.resource_types.some(({ name }) => name === 'OS::Cinder::Volume'));
  await assert.rejects(admin.image.metadefNamespaces.delete({ params: { namespace: 'OS::Compute::Watchdog' } }), { status: 403 });
  await assert.rejects(admin.image.metadefProperties.delete({ params: { namespace: 'OS::Compute::Watchdog', property_name: 'watchdog_action' } }), { status: 403 });
  await assert.rejects(admin.image.metadefProperties.deleteAll({ params: { namespace: 'OS::Compute::Watchdog' } }), { status: 403 });
});

test('namespaces are listed page by page, by visibility and by what they are for', async (t) => {
  const { admin } = await startCloud(t);
  for (const namespace of ['A', 'B', 'C']) await admin.image.metadefNamespaces.create({ body: { namespace, resource_type_associations: [{ name: `for ${namespace}` }] } });
  const listed = async (query: Record<string, string>) => (await admin.image.metadefNamespaces.list({ query })).body;
  const mine = { visibility: 'private', sort_key: 'namespace', sort_dir: 'asc' };

  const first = await listed({ ...mine, limit: '2' });
  assert.deepEqual([first.namespaces.map(({ namespace }) => namespace), first.next], [['A', 'B'], '/v2/metadefs/namespaces?visibility=private&sort_key=namespace&sort_dir=asc&limit=2&marker=B']);
  assert.deepEqual((await listed({ ...mine, limit: '2', marker: 'B' })).namespaces.map(({ namespace }) => namespace), ['C']);
  const [found] = (await listed({ resource_types: 'for B,for nobody' })).namespaces;
  assert.deepEqual([found?.namespace, found?.resource_type_associations?.map(({ name }) => name)], ['B', ['for B']]);
  for (const wrong of [{ limit: 'x' }, { limit: '-1' }, { sort_key: 'x' }, { sort_dir: 'x' }, { visibility: 'x' }]) await assert.rejects(listed(wrong as unknown as Record<string, string>), { status: 400 });
  await assert.rejects(listed({ marker: 'nowhere' }), { status: 404 });
});

test('a namespace comes with all that it defines, is described anew, renamed, and goes with all of it', async (t) => {
  const { admin, alice, bob } = await startCloud(t);
  const whole = {
    namespace: 'Mine',
    display_name: 'My own',
    visibility: 'public',
    owner: alice.projectId,
    resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'my_' }],
    properties: { speed: { title: 'Speed', type: 'integer', minimum: 1 } },
    objects: [{ name: 'engine', required: ['power'], properties: { power: { title: 'Power', type: 'string' } } }],
    tags: [{ name: 'fast' }],
  } as const;
  const made = (await admin.image.metadefNamespaces.create({ body: whole as never })).body;
  assert.deepEqual(made, { ...whole, protected: false, created_at: made.created_at, updated_at: made.updated_at, self: '/v2/metadefs/namespaces/Mine', schema: '/v2/schemas/metadefs/namespace' });
  await assert.rejects(admin.image.metadefNamespaces.create({ body: { namespace: 'Mine' } }), { status: 409 });
  await assert.rejects(alice.image.metadefNamespaces.create({ body: { namespace: 'Yours' } }), { status: 403 });

  const shown = (await bob.image.metadefNamespaces.show({ params: { namespace: 'Mine' }, query: { resource_type: 'OS::Glance::Image' } })).body;
  assert.deepEqual([Object.keys(shown.properties ?? {}), shown.objects?.[0]?.required, Object.keys(shown.objects?.[0]?.properties ?? {}), shown.tags], [['my_speed'], ['my_power'], ['my_power'], [{ name: 'fast' }]]);

  const renamed = (await admin.image.metadefNamespaces.update({ params: { namespace: 'Mine' }, body: { namespace: 'Ours', owner: alice.projectId } })).body;
  assert.deepEqual([renamed.namespace, renamed.visibility, renamed.display_name], ['Ours', 'private', undefined]);
  await assert.rejects(bob.image.metadefNamespaces.show({ params: { namespace: 'Ours' } }), { status: 404 });
  await assert.rejects(bob.image.metadefTags.list({ params: { namespace: 'Ours' } }), { status: 404 });
  assert.deepEqual((await alice.image.metadefTags.list({ params: { namespace: 'Ours' } })).body.tags, [{ name: 'fast' }]);
  await admin.image.metadefNamespaces.create({ body: { namespace: 'Theirs' } });
  await assert.rejects(admin.image.metadefNamespaces.update({ params: { namespace: 'Ours' }, body: { namespace: 'Theirs' } }), { status: 409 });

  await admin.image.metadefNamespaces.delete({ params: { namespace: 'Ours' } });
  await assert.rejects(admin.image.metadefObjects.list({ params: { namespace: 'Ours' } }), { status: 404 });
});

test('objects, properties, tags and associations are made, found, changed and deleted one by one', async (t) => {
  const { admin, alice } = await startCloud(t);
  const namespace = 'Parts';
  const inside = { namespace };
  await admin.image.metadefNamespaces.create({ body: { namespace, visibility: 'public' } });
  const { metadefObjects, metadefProperties, metadefTags, metadefResourceTypes } = admin.image;

  const object = (await metadefObjects.create({ params: inside, body: { name: 'one', properties: { a: { title: 'A', type: 'string' } } } })).body;
  assert.equal(object.self, '/v2/metadefs/namespaces/Parts/objects/one');
  await assert.rejects(metadefObjects.create({ params: inside, body: { name: 'one' } }), { status: 409 });
  await metadefObjects.create({ params: inside, body: { name: 'three' } });
  assert.equal((await metadefObjects.update({ params: { ...inside, object_name: 'one' }, body: { name: 'two', required: ['a'] } })).body.name, 'two');
  await assert.rejects(metadefObjects.update({ params: { ...inside, object_name: 'two' }, body: { name: 'three' } }), { status: 409 });
  await assert.rejects(alice.image.metadefObjects.show({ params: { ...inside, object_name: 'one' } }), { status: 404 });
  assert.deepEqual((await alice.image.metadefObjects.list({ params: inside, query: { sort_key: 'name', sort_dir: 'asc', limit: '1', marker: 'three' } })).body.objects.map(({ name }) => name), ['two']);
  await metadefObjects.delete({ params: { ...inside, object_name: 'two' } });
  await metadefObjects.deleteAll({ params: inside });
  assert.deepEqual((await alice.image.metadefObjects.list({ params: inside })).body.objects, []);

  const property = { name: 'size', title: 'Size', type: 'array', items: { type: 'string', enum: ['s', 'l'] }, default: ['s'] } as const;
  assert.deepEqual((await metadefProperties.create({ params: inside, body: property as never })).body, property);
  await metadefResourceTypes.associate({ params: inside, body: { name: 'OS::Some::Thing', prefix: 'p:' } });
  await assert.rejects(metadefResourceTypes.associate({ params: inside, body: { name: 'OS::Some::Thing' } }), { status: 409 });
  assert.equal((await alice.image.metadefProperties.show({ params: { ...inside, property_name: 'p:size' }, query: { resource_type: 'OS::Some::Thing' } })).body.name, 'size');
  await assert.rejects(alice.image.metadefProperties.show({ params: { ...inside, property_name: 'size' }, query: { resource_type: 'OS::Some::Thing' } }), { status: 404 });
  await metadefProperties.update({ params: { ...inside, property_name: 'size' }, body: { name: 'width', title: 'Width', type: 'integer' } });
  assert.deepEqual((await alice.image.metadefProperties.list({ params: inside })).body, { properties: { width: { title: 'Width', type: 'integer' } } });
  await metadefProperties.delete({ params: { ...inside, property_name: 'width' } });
  await metadefResourceTypes.dissociate({ params: { ...inside, resource_type: 'OS::Some::Thing' } });
  await assert.rejects(metadefResourceTypes.dissociate({ params: { ...inside, resource_type: 'OS::Some::Thing' } }), { status: 404 });

  await metadefTags.create({ params: { ...inside, tag_name: 'red' } });
  await assert.rejects(metadefTags.create({ params: { ...inside, tag_name: 'red' } }), { status: 409 });
  await metadefTags.createAll({ params: inside, body: { tags: [{ name: 'blue' }, { name: 'green' }] } });
  assert.equal((await metadefTags.update({ params: { ...inside, tag_name: 'blue' }, body: { name: 'cyan' } })).body.name, 'cyan');
  assert.deepEqual((await alice.image.metadefTags.list({ params: inside, query: { sort_key: 'name', sort_dir: 'asc' } })).body.tags, [{ name: 'cyan' }, { name: 'green' }]);
  await assert.rejects(alice.image.metadefTags.show({ params: { ...inside, tag_name: 'red' } }), { status: 404 });
  await metadefTags.delete({ params: { ...inside, tag_name: 'cyan' } });
  await metadefTags.deleteAll({ params: inside });
});
