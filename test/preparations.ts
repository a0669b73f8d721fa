/** What an operation needs so that it can succeed, besides things that exist; and where it cannot, why. */
import { billingPreparations } from './billing-things.ts';
import { brandPreparations } from './brand-things.ts';
import type { TestCloud } from './cloud.ts';
import { accessHeaders, requestHeaders, signedForStore, signedRequest } from './consumers.ts';
import { imagePreparations } from './image-things.ts';
import { objectStorePreparations } from './object-store-things.ts';
import { operatorPreparations } from './operator-things.ts';
import type { Things } from './things.ts';

export type Preparation = {
  before?: (cloud: TestCloud, things: Things) => Promise<unknown>;
  body?: (cloud: TestCloud, things: Things) => Promise<unknown>;
  headers?: (cloud: TestCloud) => Promise<Record<string, string>>;
  query?: (cloud: TestCloud, things: Things) => Promise<Record<string, unknown>>;
  /** Instead of the one who may and has the least. */
  by?: 'admin' | 'alice' | 'reader' | 'bob';
  owner?: 'admin' | 'alice' | 'bob';
  /** The service's own answer is a refusal; `because` says so in its words. */
  refused?: { status: number; because: string };
};

const act = async (cloud: TestCloud, things: Things, body: Record<string, unknown>) => {
  const { alice } = cloud;
  const server_id = await things.get('server');
  const [key] = Object.keys(body);
  const action = Object.values(serverActionCalls).find(({ of }) => of === key);
  if (!action) throw new Error(`No action ${key}`);
  await action.call(alice, server_id);
  await cloud.settle();
};

type Alice = TestCloud['alice'];
const serverActionCalls = {
  pause: { of: 'pause', call: (alice: Alice, server_id: string) => alice.compute.serverActions.pause({ params: { server_id }, body: { pause: null } }) },
  suspend: { of: 'suspend', call: (alice: Alice, server_id: string) => alice.compute.serverActions.suspend({ params: { server_id }, body: { suspend: null } }) },
  stop: { of: 'os-stop', call: (alice: Alice, server_id: string) => alice.compute.serverActions.stop({ params: { server_id }, body: { 'os-stop': null } }) },
  shelve: { of: 'shelve', call: (alice: Alice, server_id: string) => alice.compute.serverActions.shelve({ params: { server_id }, body: { shelve: null } }) },
  rescue: { of: 'rescue', call: (alice: Alice, server_id: string) => alice.compute.serverActions.rescue({ params: { server_id }, body: { rescue: null } }) },
  lock: { of: 'lock', call: (alice: Alice, server_id: string) => alice.compute.serverActions.lock({ params: { server_id }, body: { lock: null } }) },
};

const resized = async (cloud: TestCloud, things: Things) => {
  await cloud.alice.compute.serverActions.resize({ params: { server_id: await things.get('server') }, body: { resize: { flavorRef: await things.get('larger flavor') } } });
  await cloud.settle();
};

const grantNouns = ['projectUser', 'projectGroup', 'domainUser', 'domainGroup', 'systemUser', 'systemGroup', 'inheritedProjectUser', 'inheritedProjectGroup', 'inheritedDomainUser', 'inheritedDomainGroup'] as const;

const grant = (noun: (typeof grantNouns)[number]): Preparation => ({
  by: 'admin',
  async before({ admin: { identity } }, things) {
    const place = /project/i.test(noun) ? { project_id: await things.get('project') } : /domain/i.test(noun) ? { domain_id: await things.get('domain') } : {};
    const actor = noun.endsWith('User') ? { user_id: await things.get('user') } : { group_id: await things.get('group') };
    await identity[`${noun}Grants`].create({ params: { ...place, ...actor, role_id: await things.get('role') } as never });
  },
});

const grants = Object.fromEntries(grantNouns.flatMap((noun) => ['check', 'show', 'revoke'].map((verb) => [`identity.${noun}Grants.${verb}`, grant(noun)] as const)));

const implied: Preparation = {
  by: 'admin',
  before: async ({ admin }, things) => admin.identity.roles.createImplied({ params: { role_id: await things.get('role'), implied_role_id: await things.get('implied role') } }),
};

const configured: Preparation = {
  by: 'admin',
  before: async ({ admin }, things) => admin.identity.domainConfig.create({ params: { domain_id: await things.get('domain') }, body: { config: { ldap: { url: 'ldap://ldap.example' } } } }),
};

const groupGiven: Preparation = {
  by: 'admin',
  before: async ({ admin }, things) => admin.identity.endpointGroups.addProject({ params: { endpoint_group_id: await things.get('endpoint group'), project_id: await things.get('project') } }),
};

const endpointGiven: Preparation = {
  by: 'admin',
  before: async ({ admin }, things) => admin.identity.projectEndpoints.add({ params: { project_id: await things.get('project'), endpoint_id: await things.get('endpoint') } }),
};

const associated = (noun: 'endpointPolicies' | 'servicePolicies' | 'regionPolicies'): Preparation => ({
  by: 'admin',
  async before({ admin }, things) {
    const of = { endpointPolicies: ['endpoint'], servicePolicies: ['service'], regionPolicies: ['service', 'region'] } as const;
    const params: Record<string, string> = { policy_id: await things.get('policy document') };
    for (const name of of[noun]) params[`${name}_id`] = await things.get(name);
    await admin.identity[noun].add({ params: params as never });
  },
});

const inGroup = {
  by: 'admin' as const,
  before: async ({ admin }: TestCloud, things: Things) => admin.identity.groups.addUser({ params: { group_id: await things.get('group'), user_id: await things.get('user') } }),
};

const tagsOf = (noun: 'networks' | 'subnets' | 'subnetpools' | 'ports' | 'routers' | 'floatingips' | 'security-groups' | 'trunks' | 'policies' | 'qos/policies') => {
  const names = { networks: ['networkTags', 'network'], subnets: ['subnetTags', 'subnet'], subnetpools: ['subnetPoolTags', 'subnet pool'], ports: ['portTags', 'port'], routers: ['routerTags', 'router'], floatingips: ['floatingIpTags', 'floating ip'], 'security-groups': ['securityGroupTags', 'security group'], trunks: ['trunkTags', 'trunk'], policies: ['policyTags', 'qos policy'], 'qos/policies': ['qosPolicyTags', 'qos policy'] } as const;
  const [tags, thing] = names[noun];
  const tagged = { before: async ({ alice }: TestCloud, things: Things) => alice.network[tags].add({ params: { id: await things.get(thing), tag: 'blue' } as never }) };
  return { [`network.${tags}.has`]: tagged, [`network.${tags}.remove`]: tagged };
};

/** Managers write policies, which the handlers ask: whoever only reads them has come so far too. */
const policyWrites = Object.fromEntries(
  ['qosPolicies', ...['bandwidthLimit', 'dscpMarking', 'minimumBandwidth', 'packetRateLimit', 'minimumPacketRate'].flatMap((type) => [`${type}Rules`, `${type}Aliases`])].flatMap((noun) => ['create', 'update', 'delete'].map((verb) => [`network.${noun}.${verb}`, { by: 'admin' as const }])),
);

const noReplication = 'no storage of this cloud keeps copies elsewhere; cinder refuses groups of such types in these words';
const onStorage: Preparation = { query: () => Promise.resolve({ host: 'intercloud@storage' }) };
const toType: Preparation = { query: async (_cloud, things) => ({ vol_type_id: await things.get('plain volume type') }) };
const noClusters = 'workers share their work without being a cluster';

/** The token that the request is about. */
const aboutAlice = { headers: async ({ alice }: TestCloud) => ({ 'x-subject-token': await alice.token() }) };

export const preparations: Record<string, Preparation> = {
  ...billingPreparations,
  ...brandPreparations,
  'identity.tokens.validate': { ...aboutAlice, by: 'admin' },
  'identity.tokens.check': { ...aboutAlice, by: 'admin' },
  // A token of another: with alice's own, she would be done for the rest of the test.
  'identity.tokens.revoke': { headers: async ({ reader }) => ({ 'x-subject-token': await reader.token() }), by: 'admin' },
  'volumev3.backups.importRecord': { body: async (_cloud, things) => ({ 'backup-record': { backup_service: 'cinder.backup.drivers.intercloud.Packs', backup_url: await things.get('record of a backup') } }) },
  'volumev3.volumeActions.migrate': { refused: { status: 400, because: 'there is one storage: what is on it can go nowhere else' } },
  'volumev3.volumeActions.completeMigration': { refused: { status: 400, because: 'there is one storage: nothing is under way to another' } },
  'volumev3.volumeActions.completeExtension': { refused: { status: 400, because: 'the driver tells the machine that its disk has grown: no extension waits for anybody' } },
  'volumev3.volumeActions.initializeConnection': { refused: { status: 400, because: 'volumes are not exported to hosts that are not this cloud’s' } },
  'volumev3.volumeActions.rollDetaching': { before: async ({ alice }, things) => alice.volume.volumeActions.beginDetaching({ params: { volume_id: await things.get('volume in use') }, body: { 'os-begin_detaching': null } }) },
  'volumev3.snapshots.updateStatus': { refused: { status: 400, because: 'the storage takes snapshots itself, and says by itself how far they are' } },
  'network.dhcpAgents.add': { refused: { status: 404, because: 'OVN answers DHCP: no agent does' } },
  'network.dhcpAgents.remove': { refused: { status: 409, because: 'OVN answers DHCP: no agent does' } },
  'volumev3.clusters.show': { refused: { status: 404, because: noClusters } },
  'volumev3.clusters.enable': { refused: { status: 404, because: noClusters } },
  'volumev3.clusters.disable': { refused: { status: 404, because: noClusters } },
  'volumev3.serviceActions.failoverHost': { refused: { status: 400, because: noReplication } },
  'volumev3.serviceActions.failover': { refused: { status: 400, because: noReplication } },
  'volumev3.groups.failoverReplication': { refused: { status: 400, because: noReplication } },
  'volumev3.groups.listReplicationTargets': { refused: { status: 400, because: noReplication } },
  'volumev3.manageableVolumes.list': onStorage,
  'volumev3.volumeManage.list': onStorage,
  'volumev3.manageableVolumes.detail': onStorage,
  'volumev3.volumeManage.detail': onStorage,
  'volumev3.manageableSnapshots.list': onStorage,
  'volumev3.snapshotManage.list': onStorage,
  'volumev3.manageableSnapshots.detail': onStorage,
  'volumev3.snapshotManage.detail': onStorage,
  'volumev3.qosSpecs.associate': toType,
  'volumev3.qosSpecs.disassociate': toType,
  'volumev3.defaultTypes.show': { before: async ({ admin }, things) => admin.volume.defaultTypes.set({ params: { project_id: await things.get('project') }, body: { default_type: { volume_type: '__DEFAULT__' } } }) },
  'volumev3.groupTypes.default': { refused: { status: 404, because: 'nobody has said what groups are that say nothing; cinder answers so too (default_group_type)' } },
  'volumev3.groups.enableReplication': { refused: { status: 400, because: noReplication } },
  'volumev3.groups.disableReplication': { refused: { status: 400, because: noReplication } },
  'volumev3.volumes.unreserve': { before: async ({ admin }, things) => admin.volume.volumes.reserve({ params: { volume_id: await things.get('volume') }, body: { 'os-reserve': null } }) },
  'volumev3.types.removeAccess': {
    before: async ({ admin }, things) => admin.volume.types.addAccess({ params: { type_id: await things.get('private volume type') }, body: { addProjectAccess: { project: await things.get('project') } } }),
  },
  'compute.flavorAccess.remove': {
    before: async ({ admin }, things) => admin.compute.flavorAccess.add({ params: { flavor_id: await things.get('private flavor') }, body: { addTenantAccess: { tenant: await things.get('project') } } }),
  },
  'identity.regions.createNamed': { refused: { status: 409, because: 'the name that the test has is that of a region; a new one is made in services/identity' } },
  // What is deleted is a project made for it, and nobody's own.
  'network.autoAllocatedTopologies.delete': { by: 'admin' },
  'network.subnetPools.create': { body: () => Promise.resolve({ subnetpool: { name: 'pool', prefixes: ['10.3.0.0/16'] } }) },
  'compute.serverConsoles.create': { body: () => Promise.resolve({ remote_console: { protocol: 'vnc', type: 'novnc' } }) },
  'compute.serverActions.getVncConsole': { body: () => Promise.resolve({ 'os-getVNCConsole': { type: 'novnc' } }) },
  'compute.serverActions.getSpiceConsole': { refused: { status: 400, because: 'there are no such screens; nova says so in these words (ConsoleTypeUnavailable)' } },
  'compute.serverMigrations.forceComplete': { refused: { status: 409, because: 'the server is not on its way anywhere: services/compute/server-moves has one that is' } },
  'compute.serverMigrations.abort': { refused: { status: 409, because: 'the server is not on its way anywhere: services/compute/server-moves has one that is' } },
  'compute.serverShares.show': { refused: { status: 404, because: 'no host shares directories with its guests: no server has a share' } },
  'compute.serverShares.detach': { before: (cloud, things) => act(cloud, things, { 'os-stop': null }), refused: { status: 404, because: 'no host shares directories with its guests: no server has a share' } },
  'compute.serverShares.attach': { before: (cloud, things) => act(cloud, things, { 'os-stop': null }), refused: { status: 409, because: 'no host shares directories with its guests; nova says so in these words (ForbiddenSharesNotConfiguredCorrectly)' } },
  'compute.serverMigrations.list': { by: 'admin' },
  'compute.serverMigrations.show': { refused: { status: 404, because: 'it takes no time: none is under way when it is asked about' } },
  'compute.consoleTokens.show': { refused: { status: 404, because: 'a token is known to whoever was given it: services/compute/consoles.test.ts' } },
  'compute.serverActions.restore': { refused: { status: 409, because: 'what is deleted is gone at once: no server waits to be taken back' } },
  'compute.serverActions.triggerCrashDump': { refused: { status: 501, because: 'no driver can interrupt a kernel; nova says so too (TriggerCrashDumpNotSupported)' } },
  'compute.serverActions.shelveOffload': { refused: { status: 409, because: 'a server that is shelved leaves its host at once (shelved_offload_time is 0, as in nova)' } },
  'compute.serverActions.migrate': { by: 'admin' },
  'compute.serverActions.migrateLive': { by: 'admin', body: () => Promise.resolve({ 'os-migrateLive': { host: null, block_migration: 'auto' } }) },
  'compute.serverActions.evacuate': { refused: { status: 400, because: 'the host of the server is well: nova says so too (ComputeServiceInUse)' } },
  'compute.serverActions.unshelve': { before: (cloud, things) => act(cloud, things, { shelve: null }) },
  'compute.serverActions.unrescue': { before: (cloud, things) => act(cloud, things, { rescue: null }) },
  'compute.serverActions.changePassword': { refused: { status: 409, because: 'no driver reaches into a guest; nova says so with 409 too (admin_password.py)' } },
  ...grants,
  'identity.roles.checkImplied': implied,
  'identity.roles.showImplied': implied,
  'identity.roles.deleteImplied': implied,
  ...Object.fromEntries(['show', 'update', 'delete', 'showGroup', 'updateGroup', 'deleteGroup', 'showOption', 'updateOption', 'deleteOption'].map((name) => [`identity.domainConfig.${name}`, configured])),
  'identity.endpointGroups.showProject': groupGiven,
  'identity.endpointGroups.removeProject': groupGiven,
  'identity.projectEndpoints.check': endpointGiven,
  'identity.projectEndpoints.remove': endpointGiven,
  ...Object.fromEntries((['endpointPolicies', 'servicePolicies', 'regionPolicies'] as const).flatMap((noun) => ['check', 'remove'].map((verb) => [`identity.${noun}.${verb}`, associated(noun)]))),
  'identity.policyEndpoints.show': associated('endpointPolicies'),
  'identity.groups.checkUser': inGroup,
  'identity.groups.removeUser': inGroup,
  'identity.domains.delete': { by: 'admin' },
  'identity.tokens.listRevoked': { refused: { status: 410, because: 'no token is kept that could be listed; keystone says so too (api/auth.py, AuthTokenOSPKIResource)' } },
  // An administrator of a project is not asked: keystone/common/policies/access_rule.py.
  'identity.accessRules.list': { by: 'alice' },
  'identity.accessRules.show': { by: 'alice' },
  'identity.simpleCertificates.authority': { refused: { status: 410, because: 'there are no such tokens any more (keystone/api/os_simple_cert.py)' } },
  'identity.simpleCertificates.list': { refused: { status: 410, because: 'there are no such tokens any more (keystone/api/os_simple_cert.py)' } },
  'identity.oauthTokens.request': { headers: requestHeaders },
  'identity.oauthTokens.access': { headers: accessHeaders },
  'identity.oauth2Tokens.create': { headers: async () => ({ 'content-type': 'application/x-www-form-urlencoded' }) },
  'identity.signatureTokens.ec2': { body: (cloud, things) => signedRequest(cloud, things) },
  'identity.signatureTokens.s3': { body: (cloud, things) => signedForStore(cloud, things) },
  'identity.users.listProjects': { by: 'admin' },
  'identity.projectTags.check': { by: 'admin' },
  ...policyWrites,
  ...tagsOf('networks'),
  ...tagsOf('subnets'),
  ...tagsOf('subnetpools'),
  ...tagsOf('ports'),
  ...tagsOf('routers'),
  ...tagsOf('floatingips'),
  ...tagsOf('trunks'),
  ...tagsOf('policies'),
  ...tagsOf('qos/policies'),
  ...tagsOf('security-groups'),
  'compute.serverActions.unpause': { before: (cloud, things) => act(cloud, things, { pause: null }) },
  'compute.serverActions.resume': { before: (cloud, things) => act(cloud, things, { suspend: null }) },
  'compute.serverActions.start': { before: (cloud, things) => act(cloud, things, { 'os-stop': null }) },
  'compute.serverActions.unlock': { before: (cloud, things) => act(cloud, things, { lock: null }) },
  'compute.serverActions.removeFloatingIp': {
    before: async ({ alice }, things) => {
      const server_id = await things.get('server');
      await things.get('plugged subnet');
      await alice.compute.serverActions.addFloatingIp({ params: { server_id }, body: { addFloatingIp: { address: await things.get('floating ip address') } } });
    },
  },
  'compute.serverActions.confirmResize': { before: resized },
  'compute.serverActions.revertResize': { before: resized },
  ...operatorPreparations,
  ...objectStorePreparations,
  ...imagePreparations,
  'image.members.update': { by: 'bob' },
  'image.members.add': { body: async (cloud) => ({ member: cloud.bob.projectId }) },
};
