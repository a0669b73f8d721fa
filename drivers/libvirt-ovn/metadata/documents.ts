/**
 * What a guest may learn about itself, as the documents that OpenStack and EC2 have for it.
 * Paths, versions and shapes are those of nova/api/metadata/base.py (2025.2).
 */
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { GuestDevice, GuestMetadata } from '../../driver.ts';

export type Document = { contentType: string; body: Buffer };

const EC2_VERSIONS = [
  '1.0', '2007-01-19', '2007-03-01', '2007-08-29', '2007-10-10', '2007-12-15', '2008-02-01', '2008-09-01', '2009-04-04',
];
const FOLSOM = '2012-08-10';
const GRIZZLY = '2013-04-04';
const HAVANA = '2013-10-17';
const LIBERTY = '2015-10-15';
const NEWTON_ONE = '2016-06-30';
const NEWTON_TWO = '2016-10-06';
const OCATA = '2017-02-22';
const ROCKY = '2018-08-27';
const VICTORIA = '2020-10-14';
const EPOXY = '2025-04-04';
const OPENSTACK_VERSIONS = [FOLSOM, GRIZZLY, HAVANA, LIBERTY, NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY, VICTORIA, EPOXY];

/** The document at this path, or undefined. `address` is what the guest asked from. */
export function findDocument(path: string, guest: GuestMetadata, { address }: { address?: string } = {}): Document | undefined {
  const [first = '', ...rest] = posix.normalize(`/${path}`).split('/').filter((token) => token !== '');
  if (first === 'openstack') return findOpenStackDocument(rest, guest);
  const tokens = first === 'ec2' || first === '' ? rest : [first, ...rest];
  const [version, ...items] = tokens;
  if (version === undefined) return text([...EC2_VERSIONS, 'latest'].join('\n'));
  const wanted = version === 'latest' ? EC2_VERSIONS.at(-1) : version;
  if (wanted === undefined || !EC2_VERSIONS.includes(wanted)) return undefined;
  const item = findInTree(ec2Tree(wanted, guest, address), items);
  return item === undefined ? undefined : written(item);
}

/** The files of a drive labelled config-2. */
export function configDriveFiles(guest: GuestMetadata): { path: string; content: Buffer }[] {
  const files: { path: string; content: Buffer }[] = [];
  for (const version of [...EC2_VERSIONS, 'latest']) {
    const { 'meta-data': metadata, 'user-data': userData } = ec2Tree(version === 'latest' ? '2009-04-04' : version, guest, undefined);
    if (userData) files.push({ path: `ec2/${version}/user-data`, content: userData });
    files.push({ path: `ec2/${version}/meta-data.json`, content: Buffer.from(JSON.stringify(metadata, (key, value: unknown) => (key === '_name' ? undefined : value))) });
  }
  for (const version of [...OPENSTACK_VERSIONS, 'latest'])
    for (const name of openStackNames(version === 'latest' ? EPOXY : version, guest)) {
      // The password document is for guests that write one, which a drive cannot take.
      if (name === 'password') continue;
      const content = openStackDocument(version === 'latest' ? EPOXY : version, name, guest, guest);
      if (content) files.push({ path: `openstack/${version}/${name}`, content: content.body });
    }
  for (const [index, { contents }] of (guest.files ?? []).entries()) files.push({ path: `openstack${contentPath(index)}`, content: Buffer.from(contents, 'base64') });
  return files;
}

// OpenStack

function findOpenStackDocument([version, ...rest]: string[], guest: GuestMetadata): Document | undefined {
  if (version === undefined) return text([...OPENSTACK_VERSIONS, 'latest'].join('\n'));
  const wanted = version === 'latest' ? EPOXY : version;
  if (!OPENSTACK_VERSIONS.includes(wanted)) return undefined;
  if (rest.length === 0) return text(openStackNames(wanted, guest).join('\n'));
  const name = rest.join('/');
  return openStackNames(wanted, guest).includes(name) ? openStackDocument(wanted, name, guest, { adminPass: null }) : undefined;
}

/** What is for the config drive alone. */
type OnDrive = Pick<GuestMetadata, 'adminPass' | 'files'>;

/** In the order in which Nova lists them; versions are dates, so they compare as text. */
function openStackNames(version: string, guest: GuestMetadata): string[] {
  return [
    'meta_data.json',
    ...(guest.userData === null ? [] : ['user_data']),
    ...(version >= GRIZZLY ? ['password'] : []),
    ...(version >= HAVANA ? ['vendor_data.json'] : []),
    ...(version >= LIBERTY ? ['network_data.json'] : []),
    ...(version >= NEWTON_TWO ? ['vendor_data2.json'] : []),
  ];
}

function openStackDocument(version: string, name: string, guest: GuestMetadata, onDrive: OnDrive): Document | undefined {
  switch (name) {
    case 'meta_data.json': return json(openStackMetadata(version, guest, onDrive));
    case 'user_data': return guest.userData === null ? undefined : text(Buffer.from(guest.userData, 'base64'));
    // The administrator's password is for the config drive alone: over the network any process of the guest could read it.
    case 'password': return text('');
    // No vendor data is configured: Nova then answers with an empty object too.
    case 'vendor_data.json': case 'vendor_data2.json': return json({});
    case 'network_data.json': return text(JSON.stringify(guest.networkData));
    default: return undefined;
  }
}

function openStackMetadata(version: string, guest: GuestMetadata, { adminPass, files = [] }: OnDrive): Record<string, unknown> {
  const keys = Object.entries(guest.publicKeys);
  return {
    uuid: guest.uuid,
    ...(Object.keys(guest.meta).length > 0 && { meta: guest.meta }),
    ...(files.length > 0 && { files: files.map(({ path }, index) => ({ path, content_path: contentPath(index) })) }),
    ...(adminPass !== null && { admin_pass: adminPass }),
    ...(keys.length > 0 && {
      public_keys: guest.publicKeys,
      keys: keys.map(([name, data]) => ({ name, type: data.startsWith('-----BEGIN CERTIFICATE') ? 'x509' : 'ssh', data })),
    }),
    hostname: guest.hostname,
    name: guest.name,
    launch_index: guest.launchIndex,
    availability_zone: guest.availabilityZone,
    ...(version >= GRIZZLY && { random_seed: randomBytes(512).toString('base64') }),
    ...(version >= LIBERTY && { project_id: guest.projectId }),
    ...(version >= NEWTON_ONE && { devices: (guest.devices ?? []).map(asDevice) }),
    ...(version >= VICTORIA && { dedicated_cpus: [] }),
  };
}

/** Beside the folders of the versions, numbered: nova/api/metadata/base.py, CONTENT_DIR */
function contentPath(index: number): string {
  return `/content/${String(index).padStart(4, '0')}`;
}

/** Its address on the bus the hypervisor chooses, and nobody tells: Nova then writes `none` too. */
function asDevice({ tags, ...device }: GuestDevice): Record<string, unknown> {
  return { ...device, bus: 'none', address: 'none', tags };
}

// EC2

type Tree = Buffer | string | number | string[] | { [name: string]: Tree | undefined };

/** Without what nobody told us: the image, the reservation and the device names are no part of a guest's metadata here. */
function ec2Tree(version: string, guest: GuestMetadata, address: string | undefined): { 'meta-data': Tree; 'user-data'?: Buffer } {
  const since = (from: string): boolean => EC2_VERSIONS.indexOf(version) >= EC2_VERSIONS.indexOf(from);
  const keys = Object.entries(guest.publicKeys);
  const metadata: Tree = {
    'ami-launch-index': guest.launchIndex,
    'instance-id': ec2InstanceId(guest.uuid),
    hostname: guest.hostname,
    'local-ipv4': guest.fixedIps.find((fixed) => !fixed.includes(':')) ?? address ?? '',
    'security-groups': guest.securityGroups,
    ...(keys.length > 0 && {
      'public-keys': Object.fromEntries(keys.map(([name, key], at) => [String(at), { _name: `${at}=${name}`, 'openssh-key': key }])),
    }),
    ...(since('2007-01-19') && {
      'local-hostname': guest.hostname, 'public-hostname': guest.hostname, 'public-ipv4': guest.floatingIps[0] ?? '',
    }),
    ...(since('2007-08-29') && { 'instance-type': guest.instanceType }),
    ...(since('2008-02-01') && { placement: { 'availability-zone': guest.availabilityZone } }),
    ...(since('2008-09-01') && { 'instance-action': 'none' }),
  };
  return { 'meta-data': metadata, ...(guest.userData !== null && { 'user-data': Buffer.from(guest.userData, 'base64') }) };
}

/** EC2's form of a server's id: the same for a server's whole life, and as long as those that EC2 gives out now. */
export function ec2InstanceId(uuid: string): string {
  return `i-${uuid.replaceAll('-', '').slice(0, 17)}`;
}

function findInTree(tree: Tree, tokens: string[]): Tree | undefined {
  let found: Tree | undefined = tree;
  for (const token of tokens) {
    if (!isBranch(found) || !Object.hasOwn(found, token) || token === '_name') return undefined;
    found = found[token];
  }
  return found;
}

function isBranch(tree: Tree | undefined): tree is { [name: string]: Tree | undefined } {
  return typeof tree === 'object' && !Array.isArray(tree) && !Buffer.isBuffer(tree);
}

function written(tree: Tree): Document {
  if (Buffer.isBuffer(tree)) return text(tree);
  if (Array.isArray(tree)) return text(tree.join('\n'));
  if (!isBranch(tree)) return text(String(tree));
  const lines = Object.keys(tree).filter((name) => name !== '_name').sort().map((name) => {
    const item = tree[name];
    if (!isBranch(item)) return name;
    return typeof item['_name'] === 'string' ? item['_name'] : `${name}/`;
  });
  return text(lines.join('\n'));
}

function text(body: string | Buffer): Document {
  return { contentType: 'text/plain; charset=UTF-8', body: Buffer.from(body) };
}

function json(value: unknown): Document {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(value)) };
}
