/** A body for every operation: the smallest that its schema takes, about real things. */
import { keysOf, readInvitation } from '../contract/intercloud/federation/invitations.ts';
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import { billingBodies } from './billing-things.ts';
import { networkBodies } from './network-things.ts';
import { brokerBodies } from './broker-things.ts';
import { objectStoreBodies } from './object-store-things.ts';
import { imageBodies } from './image-things.ts';
import { operatorBodies } from './operator-things.ts';
import type { Promised } from './operations.ts';
import { sample } from './samples.ts';
import { unique, type ThingName, type Things } from './things.ts';

/** Fields that name a thing, wherever they are. */
const fields: Record<string, ThingName> = {
  network_id: 'network',
  subnet_id: 'subnet',
  port_id: 'port',
  floating_network_id: 'external network',
  security_group_id: 'security group',
  flavorRef: 'flavor',
  imageRef: 'image',
  volumeId: 'volume to attach',
  volume_id: 'volume',
  volume_uuid: 'volume',
  service_id: 'service',
  tenant: 'project',
  project: 'project',
};

type Body = (things: Things) => Promise<unknown>;

/** Where the smallest body that the schema takes is not a request that means something. */
const bodies: Record<string, Body> = {
  ...billingBodies,
  ...networkBodies,
  ...brokerBodies,
  ...operatorBodies,
  ...imageBodies,
  ...objectStoreBodies,
  'identity.tokens.create': async ({ owner }) => ({
    auth: { identity: { methods: ['password'], password: { user: { id: owner.userId, password: owner.password } } }, scope: { project: { id: owner.projectId } } },
  }),
  'identity.trusts.create': async ({ owner }) => ({ trust: { trustor_user_id: owner.userId, trustee_user_id: owner.userId, impersonation: true, project_id: owner.projectId, roles: [{ name: 'reader' }] } }),
  'identity.credentials.create': async ({ owner }) => ({ credential: { type: 'cert', blob: unique(), user_id: owner.userId } }),
  'identity.credentials.update': async () => ({ credential: { blob: unique() } }),
  'identity.ec2Credentials.create': async ({ owner }) => ({ tenant_id: owner.projectId }),
  'identity.consumers.update': async () => ({ consumer: { description: unique() } }),
  'identity.oauthTokens.authorize': async () => ({ roles: [{ name: 'member' }] }),
  'identity.users.changePassword': async () => ({ user: { original_password: 'first password', password: 'second password' } }),
  'intercloud-federation.regions.create': async () => ({ name: unique() }),
  'intercloud-federation.regions.join': async (things) => {
    const { region, secret } = readInvitation(await things.get('invitation'))!;
    return { proof: keysOf(region, secret).proof, url: 'http://region.example', driver: 'simulated' };
  },
  'intercloud-federation.leases.ask': async ({ owner }) => ({ leases: [{ kind: 'compute.cores', subject: owner.projectId, least: '1', wish: '2' }] }),
  'intercloud-federation.leases.giveBack': async ({ owner }) => ({ leases: [{ kind: 'compute.cores', subject: owner.projectId, amount: '0', version: 1 }] }),
  'intercloud-federation.signers.find': async () => ({ access: unique(), day: '20260301', signed_region: 'us-east-1' }),
  'intercloud-federation.leases.setLimits': async ({ owner }) => ({ limits: [{ kind: 'network.subnetpool', subject: owner.projectId, amount: '-1' }] }),
  'identity.limits.create': async (things) => {
    await things.get('registered limit');
    return { limits: [{ service_id: await things.get('service'), resource_name: 'things', project_id: await things.get('project'), resource_limit: 5 }] };
  },
  'identity.domainConfig.create': async () => ({ config: { ldap: { url: 'ldap://ldap.example' } } }),
  'identity.domainConfig.update': async () => ({ config: { ldap: { url: 'ldap://other.example' } } }),
  'identity.domainConfig.updateGroup': async () => ({ config: { ldap: { url: 'ldap://other.example' } } }),
  'identity.domainConfig.updateOption': async () => ({ config: { url: 'ldap://other.example' } }),
  'image.images.create': async () => ({ name: unique(), disk_format: 'qcow2', container_format: 'bare' }),
  'image.images.update': async () => [{ op: 'replace', path: '/name', value: unique() }],
  'image.imageData.upload': async () => soundQcow2(),
  'image.members.add': async (things) => ({ member: await things.get('project') }),
  'image.members.update': async () => ({ status: 'accepted' }),
  'volumev3.volumes.create': async () => ({ volume: { size: 1 } }),
  'volumev3.groups.create': async (things) => ({ group: { group_type: await things.get('plain group type'), volume_types: ['__DEFAULT__'] } }),
  'volumev3.groups.createFromSource': async (things) => ({ 'create-from-src': { source_group_id: await things.get('volume group with a volume') } }),
  'volumev3.groups.update': async () => ({ group: { name: unique() } }),
  'volumev3.groups.resetStatus': async () => ({ reset_status: { status: 'available' } }),
  'volumev3.consistencyGroups.create': async () => ({ consistencygroup: { volume_types: '__DEFAULT__' } }),
  'volumev3.consistencyGroups.createFromSource': async (things) => ({ 'consistencygroup-from-src': { source_cgid: await things.get('volume group with a volume') } }),
  'volumev3.consistencyGroups.update': async () => ({ consistencygroup: { name: unique() } }),
  'volumev3.cgSnapshots.create': async (things) => ({ cgsnapshot: { consistencygroup_id: await things.get('volume group with a volume') } }),
  'volumev3.groupSnapshots.create': async (things) => ({ group_snapshot: { group_id: await things.get('volume group with a volume') } }),
  'volumev3.groupSnapshots.resetStatus': async () => ({ reset_status: { status: 'available' } }),
  'volumev3.groupTypes.update': async () => ({ group_type: { description: 'another' } }),
  'volumev3.groupTypes.setSpec': async () => ({ colour: 'red' }),
  'volumev3.qosSpecs.deleteKeys': async () => ({ keys: ['colour'] }),
  'volumev3.defaultTypes.set': async () => ({ default_type: { volume_type: '__DEFAULT__' } }),
  'volumev3.volumeActions.retype': async (things) => ({ 'os-retype': { new_type: await things.get('plain volume type') } }),
  'volumev3.volumeActions.revert': async (things) => ({ revert: { snapshot_id: await things.get('snapshot') } }),
  'volumev3.volumeActions.reimage': async (things) => ({ 'os-reimage': { image_id: things.imageId } }),
  'volumev3.volumeActions.attach': async () => ({ 'os-attach': { host_name: 'host', mountpoint: '/dev/vdx' } }),
  'volumev3.volumeActions.migrate': async () => ({ 'os-migrate_volume': { host: 'intercloud@storage#storage' } }),
  'volumev3.volumeActions.completeMigration': async (things) => ({ 'os-migrate_volume_completion': { new_volume: await things.get('plain volume') } }),
  'volumev3.volumeActions.initializeConnection': async () => ({ 'os-initialize_connection': { connector: {} } }),
  'volumev3.snapshots.updateStatus': async () => ({ 'os-update_snapshot_status': { status: 'available' } }),
  'volumev3.manageableVolumes.manage': async (things) => ({ volume: { host: 'intercloud@storage', ref: { 'source-name': await things.get('name on the storage of a volume') } } }),
  'volumev3.volumeManage.manage': async (things) => ({ volume: { host: 'intercloud@storage', ref: { 'source-name': await things.get('name on the storage of a volume') } } }),
  'volumev3.manageableSnapshots.manage': async (things) => ({ snapshot: { volume_id: await things.get('plain volume'), ref: { 'source-name': await things.get('name on the storage of a snapshot') } } }),
  'volumev3.snapshotManage.manage': async (things) => ({ snapshot: { volume_id: await things.get('plain volume'), ref: { 'source-name': await things.get('name on the storage of a snapshot') } } }),
  'volumev3.serviceActions.freeze': async () => ({ host: 'intercloud@storage' }),
  'volumev3.serviceActions.thaw': async () => ({ host: 'intercloud@storage' }),
  'volumev3.serviceActions.failoverHost': async () => ({ host: 'intercloud@storage' }),
  'volumev3.serviceActions.failover': async () => ({ host: 'intercloud@storage' }),
  'volumev3.volumes.extend': async () => ({ 'os-extend': { new_size: 2 } }),
  'volumev3.volumes.resetStatus': async () => ({ 'os-reset_status': { status: 'available' } }),
  'volumev3.volumes.unsetImageMetadata': async () => ({ 'os-unset_image_metadata': { key: 'colour' } }),
  'volumev3.volumes.addMetadata': async () => ({ metadata: { shape: 'round' } }),
  'volumev3.volumes.setMetadataItem': async () => ({ meta: { colour: 'red' } }),
  'volumev3.volumeTransfers.create': async (things) => ({ transfer: { volume_id: await things.get('volume to attach') } }),
  'volumev3.volumeTransfers.accept': async (things) => ({ accept: { auth_key: (await things.get('volume transfer and its key')).split(' ')[1] } }),
  'identity.oauth2Tokens.create': async ({ owner }) => {
    const { id, secret } = (await owner.identity.applicationCredentials.create({ params: { user_id: owner.userId }, body: { application_credential: { name: unique() } } })).body.application_credential;
    return Buffer.from(new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret ?? '' }).toString());
  },
  'volumev3.volumes.update': async () => ({ volume: { name: unique() } }),
  'volumev3.backups.update': async () => ({ backup: { name: unique() } }),
  'volumev3.transfers.create': async (things) => ({ transfer: { volume_id: await things.get('volume to attach') } }),
  'volumev3.transfers.accept': async (things) => ({ accept: { auth_key: (await things.get('volume transfer and its key')).split(' ')[1] } }),
  'volumev3.services.enable': async (things) => ({ host: await things.get('storage host'), binary: 'cinder-volume' }),
  'volumev3.services.disable': async (things) => ({ host: await things.get('storage host'), binary: 'cinder-volume' }),
  'volumev3.services.disableWithReason': async (things) => ({ host: await things.get('storage host'), binary: 'cinder-volume', disabled_reason: 'full' }),
  'volumev3.hosts.update': async () => ({ status: 'enable' }),
  'volumev3.snapshots.resetStatus': async () => ({ 'os-reset_status': { status: 'available' } }),
  'volumev3.snapshots.setMetadataItem': async () => ({ meta: { colour: 'red' } }),
  'volumev3.types.update': async () => ({ volume_type: { description: 'another' } }),
  'volumev3.types.setSpec': async () => ({ colour: 'red' }),
  'volumev3.attachments.create': async (things) => ({ attachment: { volume_uuid: await things.get('volume to attach') } }),
  'volumev3.attachments.update': async () => ({ attachment: { connector: null } }),
  'network.subnets.create': async (things) => ({ subnet: { network_id: await things.get('network'), ip_version: 4, cidr: '10.2.0.0/24' } }),
  'network.routers.addInterface': async (things) => ({ subnet_id: await things.get('subnet') }),
  'network.routers.removeInterface': async (things) => ({ subnet_id: await things.get('plugged subnet') }),
  'network.routers.addRoutes': async (things) => {
    await things.get('plugged subnet');
    return { router: { routes: [{ destination: '10.9.0.0/24', nexthop: '10.1.0.9' }] } };
  },
  'intercloud-region.placing.whatIf': async (things) => ({ flavor: await things.get('flavor') }),
  'compute.servers.create': async (things) => {
    await things.get('subnet');
    return { server: { name: unique(), imageRef: await things.get('image'), flavorRef: await things.get('flavor'), networks: [{ uuid: await things.get('network') }] } };
  },
  'compute.keyPairs.create': async () => ({ keypair: { name: unique(), public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDlxlFHDwJ1kUVSkH4QYlOAu6C5pGPxtFJuIi/IsUjjV me' } }),
  'compute.serverGroups.create': async () => ({ server_group: { name: unique(), policy: 'affinity' } }),
  'compute.serverVolumes.update': async (things) => ({ volumeAttachment: { volumeId: await things.get('volume of a server') } }),
  'compute.serverActions.addFixedIp': async (things) => {
    await things.get('subnet');
    return { addFixedIp: { networkId: await things.get('network') } };
  },
  'compute.serverActions.removeFixedIp': async (things) => {
    const { addresses } = (await things.owner.compute.serverAddresses.list({ params: { server_id: await things.get('server') } })).body;
    return { removeFixedIp: { address: Object.values(addresses)[0]?.[0]?.addr ?? '' } };
  },
  'compute.serverActions.resize': async (things) => ({ resize: { flavorRef: await things.get('larger flavor') } }),
  'compute.serverActions.addSecurityGroup': async (things) => ({ addSecurityGroup: { name: await things.get('security group name') } }),
  'compute.serverActions.removeSecurityGroup': async () => ({ removeSecurityGroup: { name: 'default' } }),
  'compute.serverActions.addFloatingIp': async (things) => {
    await things.get('server');
    await things.get('plugged subnet');
    return { addFloatingIp: { address: await things.get('floating ip address') } };
  },
  'compute.serverActions.removeFloatingIp': async (things) => ({ removeFloatingIp: { address: await things.get('floating ip address') } }),
  'compute.serverMetadata.set': async () => ({ meta: { colour: 'red' } }),
  'compute.serverInterfaces.attach': async (things) => ({ interfaceAttachment: { port_id: await things.get('port') } }),
  'compute.imageMetadataProxies.set': async () => ({ meta: { colour: 'red' } }),
  'compute.floatingIpProxies.create': async (things) => {
    await things.get('external network');
    return {};
  },
  'compute.securityGroupRuleProxies.create': async (things) => ({ security_group_rule: { parent_group_id: await things.get('security group'), ip_protocol: 'tcp', from_port: 80, to_port: 80 } }),
  'compute.flavorExtraSpecs.update': async () => ({ 'hw:cpu_policy': 'dedicated' }),
  'compute.services.enable': async (things) => ({ host: await things.get('host name'), binary: 'nova-compute' }),
  'compute.services.disable': async (things) => ({ host: await things.get('host name'), binary: 'nova-compute' }),
};

export async function bodyFor({ id, operation }: Promised, things: Things): Promise<unknown> {
  const own = bodies[id];
  if (own) return own(things);
  if (operation.body === undefined) return undefined;
  if (operation.body === 'stream') throw new Error(`${id}: test/bodies.ts does not know what bytes to send`);
  const schema = operation.body;
  // The generator asks for fields by name; those that it meets are made first.
  const met = new Map<string, string>();
  sample(schema, { unique: () => 'aa', field: (name) => (name in fields ? void met.set(name, '') : undefined) });
  for (const name of met.keys()) met.set(name, await things.get(fields[name]!));
  return sample(schema, { unique, field: (name) => met.get(name) });
}
