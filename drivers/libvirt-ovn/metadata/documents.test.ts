import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestMetadata } from '../../driver.ts';
import { configDriveFiles, findDocument } from './documents.ts';

const guest: GuestMetadata = {
  uuid: '8f9d4c1e-2b3a-4c5d-8e6f-7a8b9c0d1e2f', name: 'Web 1', hostname: 'web-1', projectId: 'p1', availabilityZone: 'nova', launchIndex: 2,
  publicKeys: { laptop: 'ssh-ed25519 AAAA alice' }, meta: { role: 'web' }, adminPass: 'secret', userData: Buffer.from('#!/bin/sh\n').toString('base64'),
  networkData: { links: [], networks: [], services: [] }, fixedIps: ['fd00::5', '10.0.0.5'], floatingIps: ['192.0.2.7'],
  securityGroups: ['default', 'web'], instanceType: 'm1.small', devices: [{ type: 'disk', serial: 'v1', path: '/dev/vdb', tags: ['data'] }],
};

const read = (path: string, of = guest): string | undefined => findDocument(path, of)?.body.toString();

test('the listings are those of Nova', () => {
  assert.deepEqual(
    Object.fromEntries(['/', '/openstack', '/openstack/', '/openstack/2012-08-10', '/openstack/2015-10-15/', '/openstack/latest', '/latest', '/latest/meta-data/', '/1.0/meta-data',
      '/ec2/latest/meta-data/public-keys/', '/latest/meta-data/public-keys/0/', '/latest/meta-data/placement'].map((path) => [path, read(path)?.split('\n')])),
    {
      '/': ['1.0', '2007-01-19', '2007-03-01', '2007-08-29', '2007-10-10', '2007-12-15', '2008-02-01', '2008-09-01', '2009-04-04', 'latest'],
      '/openstack': ['2012-08-10', '2013-04-04', '2013-10-17', '2015-10-15', '2016-06-30', '2016-10-06', '2017-02-22', '2018-08-27', '2020-10-14', '2025-04-04', 'latest'],
      '/openstack/': ['2012-08-10', '2013-04-04', '2013-10-17', '2015-10-15', '2016-06-30', '2016-10-06', '2017-02-22', '2018-08-27', '2020-10-14', '2025-04-04', 'latest'],
      '/openstack/2012-08-10': ['meta_data.json', 'user_data'],
      '/openstack/2015-10-15/': ['meta_data.json', 'user_data', 'password', 'vendor_data.json', 'network_data.json'],
      '/openstack/latest': ['meta_data.json', 'user_data', 'password', 'vendor_data.json', 'network_data.json', 'vendor_data2.json'],
      '/latest': ['meta-data/', 'user-data'],
      '/latest/meta-data/': [
        'ami-launch-index', 'hostname', 'instance-action', 'instance-id', 'instance-type', 'local-hostname', 'local-ipv4', 'placement/', 'public-hostname',
        'public-ipv4', 'public-keys/', 'security-groups',
      ],
      '/1.0/meta-data': ['ami-launch-index', 'hostname', 'instance-id', 'local-ipv4', 'public-keys/', 'security-groups'],
      '/ec2/latest/meta-data/public-keys/': ['0=laptop'],
      '/latest/meta-data/public-keys/0/': ['openssh-key'],
      '/latest/meta-data/placement': ['availability-zone'],
    },
  );
});

test('a guest reads itself in both forms', () => {
  const { random_seed: seed, ...document } = JSON.parse(read('/openstack/latest/meta_data.json') ?? '') as Record<string, unknown>;
  assert.equal(Buffer.from(String(seed), 'base64').length, 512);
  assert.deepEqual(document, {
    uuid: guest.uuid, meta: { role: 'web' }, public_keys: { laptop: 'ssh-ed25519 AAAA alice' },
    keys: [{ name: 'laptop', type: 'ssh', data: 'ssh-ed25519 AAAA alice' }], hostname: 'web-1', name: 'Web 1', launch_index: 2,
    availability_zone: 'nova', project_id: 'p1', devices: [{ type: 'disk', serial: 'v1', path: '/dev/vdb', bus: 'none', address: 'none', tags: ['data'] }], dedicated_cpus: [],
  });
  assert.deepEqual(
    ['instance-id', 'local-ipv4', 'public-ipv4', 'security-groups', 'public-keys/0/openssh-key', 'placement/availability-zone', 'instance-type', 'ami-launch-index'].map((item) => read(`/latest/meta-data/${item}`)),
    ['i-8f9d4c1e2b3a4c5d8', '10.0.0.5', '192.0.2.7', 'default\nweb', 'ssh-ed25519 AAAA alice', 'nova', 'm1.small', '2'],
  );
  assert.equal(read('/latest/user-data'), '#!/bin/sh\n');
  assert.equal(read('/openstack/latest/user_data'), '#!/bin/sh\n');
  assert.deepEqual(JSON.parse(read('/openstack/latest/network_data.json') ?? ''), guest.networkData);
});

test('what is not there is not there', () => {
  const bare = { ...guest, userData: null, publicKeys: {} };
  assert.deepEqual(
    ['/latest/user-data', '/openstack/latest/user_data', '/latest/meta-data/public-keys/'].map((path) => read(path, bare)),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(
    ['/openstack/1999-01-01', '/openstack/2012-08-10/network_data.json', '/1999', '/latest/meta-data/__proto__', '/latest/constructor', '/openstack/latest/../../../etc/passwd',
      '/latest/meta-data/public-keys/0/_name', '/openstack/content/0000'].map((path) => read(path)),
    Array.from({ length: 8 }, () => undefined),
  );
});

test("the administrator's password is on the config drive and nowhere else", () => {
  const files = configDriveFiles(guest);
  const admin = (path: string): unknown => (JSON.parse(files.find((file) => file.path === path)?.content.toString() ?? '{}') as Record<string, unknown>)['admin_pass'];
  assert.equal(admin('openstack/latest/meta_data.json'), 'secret');
  for (const path of ['/openstack/latest/meta_data.json', '/openstack/latest/password', '/latest/meta-data/'])
    assert.doesNotMatch(read(path) ?? '', /secret/);
  assert.equal(files.find(({ path }) => path === 'ec2/latest/meta-data.json')?.content.includes('_name'), false);
});

test('files that a server was given are on the config drive, numbered, and nowhere else', () => {
  const given = { ...guest, files: [{ path: '/etc/motd', contents: Buffer.from('hello').toString('base64') }, { path: '/empty', contents: '' }] };
  const files = new Map(configDriveFiles(given).map(({ path, content }) => [path, content.toString()]));

  for (const version of ['2012-08-10', 'latest'])
    assert.deepEqual((JSON.parse(files.get(`openstack/${version}/meta_data.json`) ?? '{}') as Record<string, unknown>)['files'], [{ path: '/etc/motd', content_path: '/content/0000' }, { path: '/empty', content_path: '/content/0001' }]);
  assert.deepEqual([files.get('openstack/content/0000'), files.get('openstack/content/0001')], ['hello', '']);
  assert.doesNotMatch(read('/openstack/latest/meta_data.json', given) ?? '', /motd/);
  assert.equal(read('/openstack/content/0000', given), undefined);
});
