/** Real things of a person, made through the API when they are first asked for: what generated requests are about. */
import { compute } from '../contract/compute/service.ts';
import { region } from '../contract/intercloud/region.ts';
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import { billingMakers, billingPaths, billingSpecials } from './billing-things.ts';
import { imageMakers, imagePaths, imageSpecials } from './image-things.ts';
import { networkMakers, networkPaths, networkSpecials } from './network-things.ts';
import { brandMakers, brandPaths } from './brand-things.ts';
import { brokerMakers, brokerPaths } from './broker-things.ts';
import { objectStoreMakers, objectStorePaths, objectStoreSpecials } from './object-store-things.ts';
import { operatorMakers, operatorPaths, operatorSpecials } from './operator-things.ts';
import type { Person, TestCloud } from './cloud.ts';
import { accessToken, requestToken } from './consumers.ts';
import type { Promised } from './operations.ts';

export type Things = {
  readonly owner: Person;
  /** An image that everybody sees. */
  readonly imageId: string;
  /** The id of this thing; made now, with all that it needs, if it is not there yet. */
  get(name: ThingName): Promise<string>;
  /** Every id so far. */
  ids(): Promise<string[]>;
};

type Making = { cloud: TestCloud; owner: Person; admin: Person; get(name: string): Promise<string>; fresh: boolean; unique: () => string };

let count = 0;
/** Different at each call in this process. */
export const unique = (): string => `n${++count}`;

const makers = {
  network: async ({ owner }) => (await owner.network.networks.create({ body: { network: { name: unique() } } })).body.network?.id ?? '',
  subnet: async ({ owner, get }) => (await owner.network.subnets.create({ body: { subnet: { network_id: await get('network'), ip_version: 4, cidr: '10.1.0.0/24' } } })).body.subnet?.id ?? '',
  'subnet pool': async ({ owner }) => (await owner.network.subnetPools.create({ body: { subnetpool: { name: unique(), prefixes: ['10.2.0.0/16'] } } })).body.subnetpool?.id ?? '',
  port: async ({ owner, get }) => {
    await get('subnet');
    return (await owner.network.ports.create({ body: { port: { network_id: await get('network') } } })).body.port?.id ?? '';
  },
  router: async ({ owner, get }) => (await owner.network.routers.create({ body: { router: { name: unique(), external_gateway_info: { network_id: await get('external network') } } } })).body.router?.id ?? '',
  'plugged subnet': async ({ owner, get }) => {
    const subnet = await get('subnet');
    await owner.network.routers.addInterface({ params: { router_id: await get('router') }, body: { subnet_id: subnet } });
    return subnet;
  },
  'external network': async ({ admin }) => (await admin.network.networks.list({ query: { name: ['public'] } })).body.networks[0]?.id ?? '',
  'floating ip': async ({ owner, get }) => (await owner.network.floatingIps.create({ body: { floatingip: { floating_network_id: await get('external network') } } })).body.floatingip?.id ?? '',
  'floating ip address': async ({ owner, get }) => (await owner.compute.floatingIpProxies.show({ params: { floating_ip_id: await get('floating ip') } })).body.floating_ip.ip,
  'security group': async ({ owner }) => (await owner.network.securityGroups.create({ body: { security_group: { name: unique() } } })).body.security_group?.id ?? '',
  'security group name': async ({ owner, get }) => (await owner.network.securityGroups.show({ params: { security_group_id: await get('security group') } })).body.security_group.name ?? '',
  'security group rule': async ({ owner, get }) =>
    (await owner.network.securityGroupRules.create({ body: { security_group_rule: { security_group_id: await get('security group'), direction: 'ingress' } } })).body.security_group_rule?.id ?? '',
  image: async ({ owner }) => {
    const { id } = (await owner.image.images.create({ body: { name: unique(), disk_format: 'qcow2', container_format: 'bare', visibility: 'shared', tags: ['blue'] } })).body;
    await owner.image.imageData.upload({ params: { image_id: id ?? '' }, body: soundQcow2() as never });
    return id ?? '';
  },
  'queued image': async ({ owner }) => (await owner.image.images.create({ body: { name: unique(), disk_format: 'qcow2', container_format: 'bare' } })).body.id ?? '',
  'shared image': async ({ owner }) => (await owner.image.images.create({ body: { name: unique(), disk_format: 'qcow2', container_format: 'bare', visibility: 'shared' } })).body.id ?? '',
  'image with metadata': async ({ owner }) => {
    const { id } = (await owner.image.images.create({ body: { name: unique() } })).body;
    await owner.compute.imageMetadataProxies.merge({ params: { image_id: id ?? '' }, body: { metadata: { colour: 'blue' } } });
    return id ?? '';
  },
  'image member': async ({ cloud, owner, get }) => (await owner.image.members.add({ params: { image_id: await get('shared image') }, body: { member: cloud.bob.projectId } })).body.member_id,
  flavor: async ({ admin }) => (await admin.compute.flavors.create({ body: { flavor: { name: unique(), ram: 64, vcpus: 1, disk: 1 } } })).body.flavor.id,
  'larger flavor': async ({ admin }) => (await admin.compute.flavors.create({ body: { flavor: { name: unique(), ram: 128, vcpus: 2, disk: 2 } } })).body.flavor.id,
  'private flavor': async ({ admin }) => (await admin.compute.flavors.create({ body: { flavor: { name: unique(), ram: 64, vcpus: 1, disk: 1, 'os-flavor-access:is_public': false } } })).body.flavor.id,
  'extra spec': async ({ admin, get }) => {
    await admin.compute.flavorExtraSpecs.create({ params: { flavor_id: await get('flavor') }, body: { extra_specs: { 'hw:cpu_policy': 'shared' } } });
    return 'hw:cpu_policy';
  },
  'key pair': async ({ owner }) => (await owner.compute.keyPairs.create({ body: { keypair: { name: unique() } } })).body.keypair.name,
  server: async ({ cloud, owner, get }) => {
    await get('subnet');
    const { body } = await owner.compute.servers.create({
      body: { server: { name: unique(), imageRef: cloud.imageId, flavorRef: await get('flavor'), networks: [{ uuid: await get('network') }], metadata: { colour: 'blue' } } },
    });
    await cloud.settle();
    return 'server' in body ? body.server.id : '';
  },
  'server on a volume': async ({ cloud, owner, get }) => {
    const block_device_mapping_v2 = [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: cloud.imageId, volume_size: 2, delete_on_termination: true }] as const;
    const { body } = await owner.client(compute).servers.create({ body: { server: { name: unique(), flavorRef: await get('flavor'), networks: 'none', block_device_mapping_v2: [...block_device_mapping_v2] } } });
    await cloud.settle();
    return 'server' in body ? body.server.id : '';
  },
  'server group': async ({ owner }) => (await owner.compute.serverGroups.create({ body: { server_group: { name: unique(), policies: ['anti-affinity'] } } })).body.server_group.id,
  'tag of a server': async ({ cloud, owner, get }) => {
    await cloud.settle();
    await owner.client(compute).serverTags.add({ params: { server_id: await get('server'), tag: 'blue' } });
    return 'blue';
  },
  'request of a server': async ({ owner, get }) => (await owner.compute.instanceActions.list({ params: { server_id: await get('server') } })).body.instanceActions[0]?.request_id ?? '',
  'port of a server': async ({ owner, get }) => (await owner.compute.serverInterfaces.list({ params: { server_id: await get('server') } })).body.interfaceAttachments[0]?.port_id ?? '',
  'network label': async ({ owner, get }) => (await owner.network.networks.show({ params: { network_id: await get('network') } })).body.network.name ?? '',
  volume: async ({ cloud, owner }) => {
    const { id } = (await owner.volume.volumes.create({ body: { volume: { size: 1, name: unique(), metadata: { colour: 'blue' } } } })).body.volume;
    await cloud.settle();
    return id;
  },
  'volume of a server': async ({ cloud, owner, get }) => {
    const { id } = (await owner.volume.volumes.create({ body: { volume: { size: 1, name: unique() } } })).body.volume;
    await cloud.settle();
    await owner.compute.serverVolumes.attach({ params: { server_id: await get('server') }, body: { volumeAttachment: { volumeId: id } } });
    await cloud.settle();
    return id;
  },
  'volume with image metadata': async ({ cloud, owner }) => {
    const { id } = (await owner.volume.volumes.create({ body: { volume: { size: 1, imageRef: cloud.imageId } } })).body.volume;
    await cloud.settle();
    await owner.volume.volumes.setImageMetadata({ params: { volume_id: id }, body: { 'os-set_image_metadata': { metadata: { colour: 'blue' } } } });
    return id;
  },
  'volume to attach': async ({ cloud, owner }) => {
    const { id } = (await owner.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume;
    await cloud.settle();
    return id;
  },
  snapshot: async ({ cloud, owner, get }) => {
    const { id } = (await owner.volume.snapshots.create({ body: { snapshot: { volume_id: await get('volume'), metadata: { colour: 'blue' } } } })).body.snapshot;
    await cloud.settle();
    return id;
  },
  attachment: async ({ owner, get }) => (await owner.volume.attachments.create({ body: { attachment: { volume_uuid: await get('volume to attach') } } })).body.attachment.id,
  backup: async ({ cloud, owner, get }) => {
    const { id } = (await owner.volume.backups.create({ body: { backup: { volume_id: await get('volume'), metadata: { colour: 'blue' } } } })).body.backup;
    await cloud.settle();
    return id;
  },
  'record of a backup': async ({ cloud, admin, get }) => {
    const { backup_url: url } = (await admin.volume.backups.exportRecord({ params: { backup_id: await get('backup') } })).body['backup-record'];
    await cloud.settle();
    return Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(url, 'base64').toString()), id: unique() })).toString('base64');
  },
  'group type': async ({ admin }) => (await admin.volume.groupTypes.create({ body: { group_type: { name: unique(), group_specs: { colour: 'blue' } } } })).body.group_type.id,
  'plain group type': async ({ admin }) => (await admin.volume.groupTypes.create({ body: { group_type: { name: unique() } } })).body.group_type.id,
  'volume group': async ({ cloud, owner, get }) => {
    const { id } = (await owner.volume.groups.create({ body: { group: { name: unique(), group_type: await get('plain group type'), volume_types: ['__DEFAULT__'] } } })).body.group;
    await cloud.settle();
    return id;
  },
  'volume group with a volume': async ({ cloud, owner, get }) => {
    const { id } = (await owner.volume.groups.create({ body: { group: { name: unique(), group_type: await get('plain group type'), volume_types: ['__DEFAULT__'] } } })).body.group;
    await cloud.settle();
    await owner.volume.volumes.create({ body: { volume: { size: 1, group_id: id, volume_type: '__DEFAULT__' } } });
    await cloud.settle();
    return id;
  },
  'group snapshot': async ({ cloud, owner, get }) => {
    const { id } = (await owner.volume.groupSnapshots.create({ body: { group_snapshot: { group_id: await get('volume group with a volume') } } })).body.group_snapshot;
    await cloud.settle();
    return id;
  },
  'plain volume': async ({ cloud, owner }) => {
    const { id } = (await owner.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume;
    await cloud.settle();
    return id;
  },
  'plain snapshot': async ({ cloud, owner, get }) => {
    const { id } = (await owner.volume.snapshots.create({ body: { snapshot: { volume_id: await get('plain volume') } } })).body.snapshot;
    await cloud.settle();
    return id;
  },
  'volume in use': async ({ cloud, owner }) => {
    const { id: volume_id } = (await owner.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume;
    await cloud.settle();
    await owner.volume.volumeActions.attach({ params: { volume_id }, body: { 'os-attach': { host_name: 'host', mountpoint: '/dev/vdx' } } });
    return volume_id;
  },
  'name on the storage of a volume': async ({ cloud, owner, admin }) => {
    const { id: volume_id } = (await owner.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume;
    await cloud.settle();
    await admin.volume.volumeActions.unmanage({ params: { volume_id }, body: { 'os-unmanage': {} } });
    return `volume-${volume_id}`;
  },
  'name on the storage of a snapshot': async ({ admin, get }) => {
    const snapshot_id = await get('plain snapshot');
    await admin.volume.snapshots.unmanage({ params: { snapshot_id }, body: { 'os-unmanage': {} } });
    return `_snapshot-${snapshot_id}`;
  },
  'cluster name': async () => 'nothing',
  storage: async () => 'intercloud@storage',
  'QoS specification': async ({ admin }) => (await admin.volume.qosSpecs.create({ body: { qos_specs: { name: unique(), ...{ consumer: 'back-end', colour: 'blue' } } } })).body.qos_specs.id,
  'encrypted volume type': async ({ admin, get }) => {
    await admin.volume.types.createEncryption({ params: { type_id: await get('volume type') }, body: { encryption: { provider: 'luks', control_location: 'front-end' } } });
    return get('volume type');
  },
  'volume type encryption': async ({ admin, get }) => (await admin.volume.types.encryption({ params: { type_id: await get('encrypted volume type') } })).body.encryption_id ?? '',
  'encryption key name': async () => 'provider',
  'quota class': async () => 'default',
  'volume type': async ({ admin }) => (await admin.volume.types.create({ body: { volume_type: { name: unique(), extra_specs: { colour: 'blue' } } } })).body.volume_type.id,
  'plain volume type': async ({ admin }) => (await admin.volume.types.create({ body: { volume_type: { name: unique() } } })).body.volume_type.id,
  'private volume type': async ({ admin }) => (await admin.volume.types.create({ body: { volume_type: { name: unique(), 'os-volume-type-access:is_public': false } } })).body.volume_type.id,
  project: async ({ owner, admin, fresh }) => (fresh ? (await admin.identity.projects.create({ body: { project: { name: unique(), tags: ['blue'] } } })).body.project.id : owner.projectId),
  user: async ({ owner, admin, fresh }) => (fresh ? (await admin.identity.users.create({ body: { user: { name: unique(), password: 'first password' } } })).body.user.id : owner.userId),
  domain: async ({ admin }) => (await admin.identity.domains.create({ body: { domain: { name: unique(), enabled: false } } })).body.domain.id,
  group: async ({ admin }) => (await admin.identity.groups.create({ body: { group: { name: unique() } } })).body.group.id,
  'implied role': async ({ admin }) => (await admin.identity.roles.create({ body: { role: { name: unique() } } })).body.role.id,
  role: async ({ admin }) => (await admin.identity.roles.create({ body: { role: { name: unique() } } })).body.role.id,
  service: async ({ admin }) => (await admin.identity.services.create({ body: { service: { type: unique(), name: unique() } } })).body.service.id,
  endpoint: async ({ admin, get }) => (await admin.identity.endpoints.create({ body: { endpoint: { interface: 'public', service_id: await get('service'), url: 'http://cloud.example/thing' } } })).body.endpoint.id,
  'registered limit': async ({ admin, get }) =>
    (await admin.identity.registeredLimits.create({ body: { registered_limits: [{ service_id: await get('service'), resource_name: 'things', default_limit: 10 }] } })).body.registered_limits[0]?.id ?? '',
  limit: async ({ admin, get }) => {
    await get('registered limit');
    return (await admin.identity.limits.create({ body: { limits: [{ service_id: await get('service'), resource_name: 'things', project_id: await get('project'), resource_limit: 5 }] } })).body.limits[0]?.id ?? '';
  },
  'endpoint group': async ({ admin }) => (await admin.identity.endpointGroups.create({ body: { endpoint_group: { name: unique(), filters: { interface: 'public' } } } })).body.endpoint_group.id,
  'policy document': async ({ admin }) => (await admin.identity.policies.create({ body: { policy: { type: 'text/plain', blob: unique() } } })).body.policy.id,
  region: async ({ admin }) => (await admin.identity.regions.create({ body: { region: { id: unique() } } })).body.region.id,
  'application credential': async ({ owner }) => (await owner.identity.applicationCredentials.create({ params: { user_id: owner.userId }, body: { application_credential: { name: unique() } } })).body.application_credential.id,
  'access rule': async ({ owner }) => {
    const params = { user_id: owner.userId };
    const rule = { service: 'compute', method: 'GET', path: `/v2.1/${unique()}` } as const;
    const { application_credential: made } = (await owner.identity.applicationCredentials.create({ params, body: { application_credential: { name: unique(), access_rules: [rule] } } })).body;
    // It outlives the credential, and can be deleted only then.
    await owner.identity.applicationCredentials.delete({ params: { ...params, application_credential_id: made.id } });
    return made.access_rules?.[0]?.id ?? '';
  },
  trust: async ({ owner }) => (await owner.identity.trusts.create({ body: { trust: { trustor_user_id: owner.userId, trustee_user_id: owner.userId, impersonation: true, project_id: owner.projectId, roles: [{ name: 'member' }] } } })).body.trust.id,
  'role of a trust': async ({ admin }) => (await admin.identity.roles.list({ query: { name: 'member' } })).body.roles[0]?.id ?? '',
  credential: async ({ owner }) => (await owner.identity.credentials.create({ body: { credential: { type: 'cert', blob: unique(), user_id: owner.userId, project_id: owner.projectId } } })).body.credential.id,
  'signing key': async ({ owner }) => (await owner.identity.ec2Credentials.create({ params: { user_id: owner.userId }, body: { tenant_id: owner.projectId } })).body.credential.access,
  administrator: async ({ admin }) => admin.userId,
  consumer: async ({ admin }) => (await admin.identity.consumers.create({ body: { consumer: { description: unique() } } })).body.consumer.id,
  'request token': async ({ cloud }) => (await requestToken(cloud)).id,
  'access token': async ({ cloud }) => (await accessToken(cloud)).id,
  host: async ({ admin }) => (await admin.placement.providers.list()).body.resource_providers[0]?.uuid ?? '',
  'host name': async ({ admin }) => (await admin.placement.providers.list()).body.resource_providers[0]?.name ?? '',
  hypervisor: async ({ admin }) => String((await admin.compute.hypervisors.list()).body.hypervisors[0]?.id ?? ''),
  'resource class': async () => 'VCPU',
  'compute extension': async ({ owner }) => (await owner.compute.extensions.list()).body.extensions[0]?.alias ?? '',
  'network extension': async ({ owner }) => (await owner.network.extensions.list()).body.extensions[0]?.alias ?? '',
  'message about a volume': async ({ cloud, owner, admin }) => {
    const { name } = (await admin.volume.types.create({ body: { volume_type: { name: unique(), extra_specs: { volume_backend_name: 'nowhere' } } } })).body.volume_type;
    const { id } = (await owner.volume.volumes.create({ body: { volume: { size: 1, volume_type: name } } })).body.volume;
    await cloud.settle();
    return (await owner.volume.messages.list({ query: { resource_uuid: id } })).body.messages[0]?.id ?? '';
  },
  'volume transfer': async ({ get }) => (await get('volume transfer and its key')).split(' ')[0]!,
  'volume transfer and its key': async ({ cloud, owner }) => {
    const { id: volumeId } = (await owner.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume;
    await cloud.settle();
    const { transfer } = (await owner.volume.transfers.create({ body: { transfer: { volume_id: volumeId } } })).body;
    return `${transfer.id} ${transfer.auth_key}`;
  },
  'storage host': async ({ admin }) => (await admin.volume.services.list({ query: { binary: 'cinder-volume' } })).body.services[0]?.host ?? '',
  invitation: async ({ admin }) => (await admin.federation.regions.create({ body: { name: unique() } })).body.invitation,
  'federation region': async ({ get }) => (await get('invitation')).split('.')[0]!,
  'joining host': async ({ admin }) => (await admin.client(region).hosts.create({ body: { name: unique() } })).body.host.id,
  'metadata key': async () => 'colour',
  'config group': async () => 'ldap',
  'config option': async () => 'url',
  tag: async () => 'blue',
  ...billingMakers,
  ...networkMakers,
  ...brokerMakers,
  ...brandMakers,
  ...operatorMakers,
  ...objectStoreMakers,
  ...imageMakers,
} satisfies Record<string, (making: Making) => Promise<string>>;

export type ThingName = keyof typeof makers;

/** `fresh`: projects and users too are new ones, so that they can be broken. `known`: these are there already. */
export function thingsOf(cloud: TestCloud, { owner = cloud.alice, fresh = false, known: before = {} }: { owner?: Person; fresh?: boolean; known?: Partial<Record<ThingName, string>> } = {}): Things {
  const made = new Map<string, Promise<string>>(Object.entries(before).map(([name, id]) => [name, Promise.resolve(id)]));
  const making: Making = { cloud, owner, admin: cloud.admin, fresh, unique, get };
  async function get(name: string): Promise<string> {
    const maker: ((making: Making) => Promise<string>) | undefined = makers[name as ThingName];
    if (maker === undefined) throw new Error(`Nobody knows how to make a ${name}`);
    const known = made.get(name) ?? maker(making);
    made.set(name, known);
    const id = await known;
    if (id === '') throw new Error(`There is no ${name}`);
    return id;
  }
  return { owner, imageId: cloud.imageId, get, ids: () => Promise.all(made.values()) };
}

/** What a parameter of a path stands for, by what comes before it. */
const paths: Record<string, ThingName> = {
  'identity /domains/': 'domain',
  'identity /projects/': 'project',
  'identity /projects/{project_id}/tags/': 'tag',
  'identity /projects/{project_id}/users/': 'user',
  'identity /projects/{project_id}/users/{user_id}/roles/': 'role',
  'identity /projects/{project_id}/groups/': 'group',
  'identity /projects/{project_id}/groups/{group_id}/roles/': 'role',
  'identity /domains/{domain_id}/config/': 'config group',
  'identity /domains/{domain_id}/config/{group}/': 'config option',
  'identity /domains/config/': 'config group',
  'identity /domains/config/{group}/': 'config option',
  'identity /domains/{domain_id}/users/': 'user',
  'identity /domains/{domain_id}/users/{user_id}/roles/': 'role',
  'identity /domains/{domain_id}/groups/': 'group',
  'identity /domains/{domain_id}/groups/{group_id}/roles/': 'role',
  'identity /system/users/': 'user',
  'identity /system/users/{user_id}/roles/': 'role',
  'identity /system/groups/': 'group',
  'identity /system/groups/{group_id}/roles/': 'role',
  'identity /users/': 'user',
  'identity /users/{user_id}/application_credentials/': 'application credential',
  'identity /users/{user_id}/access_rules/': 'access rule',
  'identity /users/{user_id}/credentials/OS-EC2/': 'signing key',
  'identity /users/{user_id}/OS-OAUTH1/access_tokens/': 'access token',
  'identity /users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/': 'role of a trust',
  'identity /OS-OAUTH1/consumers/': 'consumer',
  'identity /OS-OAUTH1/authorize/': 'request token',
  'identity /OS-TRUST/trusts/': 'trust',
  'identity /OS-TRUST/trusts/{trust_id}/roles/': 'role of a trust',
  'identity /credentials/': 'credential',
  'identity /groups/': 'group',
  'identity /groups/{group_id}/users/': 'user',
  'identity /roles/': 'role',
  'identity /roles/{role_id}/implies/': 'implied role',
  'identity /OS-INHERIT/projects/': 'project',
  'identity /OS-INHERIT/projects/{project_id}/users/': 'user',
  'identity /OS-INHERIT/projects/{project_id}/users/{user_id}/roles/': 'role',
  'identity /OS-INHERIT/projects/{project_id}/groups/': 'group',
  'identity /OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/': 'role',
  'identity /OS-INHERIT/domains/': 'domain',
  'identity /OS-INHERIT/domains/{domain_id}/users/': 'user',
  'identity /OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/': 'role',
  'identity /OS-INHERIT/domains/{domain_id}/groups/': 'group',
  'identity /OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/': 'role',
  'identity /services/': 'service',
  'identity /endpoints/': 'endpoint',
  'identity /registered_limits/': 'registered limit',
  'identity /limits/': 'limit',
  'identity /OS-EP-FILTER/endpoint_groups/': 'endpoint group',
  'identity /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/': 'project',
  'identity /OS-EP-FILTER/projects/': 'project',
  'identity /OS-EP-FILTER/projects/{project_id}/endpoints/': 'endpoint',
  'identity /OS-EP-FILTER/endpoints/': 'endpoint',
  'identity /policies/': 'policy document',
  'identity /policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/': 'endpoint',
  'identity /policies/{policy_id}/OS-ENDPOINT-POLICY/services/': 'service',
  'identity /policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/': 'region',
  'identity /regions/': 'region',
  'intercloud-federation /regions/': 'federation region',
  ...billingPaths,
  ...networkPaths,
  ...brokerPaths,
  ...brandPaths,
  ...operatorPaths,
  ...objectStorePaths,
  ...imagePaths,
  'placement /resource_providers/{uuid}/inventories/': 'resource class',
  'image /images/': 'image',
  'image /images/{image_id}/tags/': 'tag',
  'image /images/{image_id}/members/': 'image member',
  'volumev3 /volumes/': 'volume',
  'volumev3 /volumes/{volume_id}/metadata/': 'metadata key',
  'volumev3 /snapshots/': 'snapshot',
  'volumev3 /snapshots/{snapshot_id}/metadata/': 'metadata key',
  'volumev3 /attachments/': 'attachment',
  'volumev3 /backups/': 'backup',
  'volumev3 /volume-transfers/': 'volume transfer',
  'volumev3 /clusters/': 'cluster name',
  'volumev3 /capabilities/': 'storage',
  'volumev3 /qos-specs/': 'QoS specification',
  'volumev3 /types/{type_id}/encryption/': 'volume type encryption',
  'volumev3 /os-quota-class-sets/': 'quota class',
  'volumev3 /default-types/': 'project',
  'volumev3 /group_types/': 'group type',
  'volumev3 /group_types/{group_type_id}/group_specs/': 'metadata key',
  'volumev3 /groups/': 'volume group',
  'volumev3 /group_snapshots/': 'group snapshot',
  'volumev3 /consistencygroups/': 'volume group',
  'volumev3 /cgsnapshots/': 'group snapshot',
  'volumev3 /types/': 'volume type',
  'volumev3 /types/{type_id}/extra_specs/': 'metadata key',
  'volumev3 /os-quota-sets/': 'project',
  'volumev3 /messages/': 'message about a volume',
  'volumev3 /os-volume-transfer/': 'volume transfer',
  'volumev3 /os-hosts/': 'storage host',
  'network /extensions/': 'network extension',
  'network /networks/': 'network',
  'network /subnets/': 'subnet',
  'network /subnetpools/': 'subnet pool',
  'network /ports/': 'port',
  'network /routers/': 'router',
  'network /floatingips/': 'floating ip',
  'network /security-groups/': 'security group',
  'network /security-group-rules/': 'security group rule',
  'network /quotas/': 'project',
  'compute /servers/': 'server',
  'intercloud-region /servers/': 'server',
  'intercloud-region /hosts/': 'joining host',
  'compute /servers/{server_id}/metadata/': 'metadata key',
  'compute /servers/{server_id}/os-volume_attachments/': 'volume of a server',
  'compute /servers/{server_id}/os-interface/': 'port of a server',
  'compute /servers/{server_id}/ips/': 'network label',
  'compute /servers/{server_id}/os-instance-actions/': 'request of a server',
  'compute /servers/{server_id}/tags/': 'tag of a server',
  'compute /servers/{server_id}/migrations/': 'nothing',
  'compute /servers/{server_id}/shares/': 'nothing',
  'compute /os-server-groups/': 'server group',
  'compute /os-console-auth-tokens/': 'tag',
  'compute /flavors/': 'flavor',
  'compute /flavors/{flavor_id}/os-extra_specs/': 'extra spec',
  'compute /os-keypairs/': 'key pair',
  'compute /os-quota-sets/': 'project',
  'compute /os-simple-tenant-usage/': 'project',
  'compute /os-hypervisors/': 'hypervisor',
  'compute /extensions/': 'compute extension',
  'compute /os-volumes/': 'volume',
  'compute /os-snapshots/': 'snapshot',
  'compute /images/': 'image with metadata',
  'compute /images/{image_id}/metadata/': 'metadata key',
  'compute /os-security-groups/': 'security group',
  'compute /os-security-group-rules/': 'security group rule',
  'compute /os-floating-ips/': 'floating ip',
};
const tagged = /^network \/[\w/-]+\/\{id\}\/tags\/$/;

/** Where the usual thing will not do. */
const special: Record<string, Partial<Record<string, ThingName>>> = {
  ...billingSpecials,
  ...operatorSpecials,
  ...objectStoreSpecials,
  ...imageSpecials,
  ...networkSpecials,
  'image.members.show': { image_id: 'shared image' },
  'image.members.update': { image_id: 'shared image' },
  'image.members.remove': { image_id: 'shared image' },
  'compute.flavorAccess.list': { flavor_id: 'private flavor' },
  'compute.flavorAccess.add': { flavor_id: 'private flavor' },
  'compute.flavorAccess.remove': { flavor_id: 'private flavor' },
  'volumev3.volumeActions.retype': { volume_id: 'plain volume' },
  'volumev3.volumeActions.reimage': { volume_id: 'plain volume' },
  'volumev3.volumeActions.attach': { volume_id: 'plain volume' },
  'volumev3.volumeActions.unmanage': { volume_id: 'plain volume' },
  'volumev3.volumeActions.detach': { volume_id: 'volume in use' },
  'volumev3.volumeActions.forceDetach': { volume_id: 'volume in use' },
  'volumev3.volumeActions.beginDetaching': { volume_id: 'volume in use' },
  'volumev3.volumeActions.rollDetaching': { volume_id: 'volume in use' },
  'volumev3.types.encryption': { type_id: 'encrypted volume type' },
  'volumev3.types.encryptionItem': { type_id: 'encrypted volume type', key: 'encryption key name' },
  'volumev3.types.updateEncryption': { type_id: 'encrypted volume type' },
  'volumev3.types.deleteEncryption': { type_id: 'encrypted volume type' },
  'volumev3.types.access': { type_id: 'private volume type' },
  'volumev3.types.addAccess': { type_id: 'private volume type' },
  'volumev3.types.removeAccess': { type_id: 'private volume type' },
  'volumev3.volumes.showImageMetadata': { volume_id: 'volume with image metadata' },
  'volumev3.volumes.setImageMetadata': { volume_id: 'volume with image metadata' },
  'volumev3.volumes.unsetImageMetadata': { volume_id: 'volume with image metadata' },
};

/** The thing that this parameter of the operation's path names. An operation that nobody knows is an error. */
export function thingNamed({ id, service, operation }: Promised, param: string): ThingName {
  const before = `${service.type} ${operation.path.slice(0, operation.path.indexOf(`{${param}}`))}`;
  const found = special[id]?.[param] ?? (tagged.test(before) ? 'tag' : paths[before]);
  if (found === undefined) throw new Error(`${id}: test/things.ts does not know what {${param}} of ${before} is`);
  return found;
}

export async function paramsFor(promised: Promised, things: Things): Promise<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const param of promised.params) params[param] = await valueOf(promised, param, things);
  return params;
}

async function valueOf(promised: Promised, param: string, things: Things): Promise<string> {
  // Nobody else makes credentials for a user.
  if (/^\/users\/\{user_id\}\/(application_credentials|access_rules|credentials)/.test(promised.operation.path) && param === 'user_id') return things.owner.userId;
  // Unless an operator says otherwise, administrators alone authorize consumers.
  if (promised.operation.path.startsWith('/users/{user_id}/OS-OAUTH1') && param === 'user_id') return things.get('administrator');
  return things.get(thingNamed(promised, param));
}
