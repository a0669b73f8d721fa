/** Compute: `nova`, version 2.1. */
import { service, type FaultFacts } from '../contract.ts';
import { aggregates } from './aggregates.ts';
import { usageAudits } from './audit-log.ts';
import { externalEvents } from './external-events.ts';
import { flavorAccess, flavorExtraSpecs, flavors } from './flavors.ts';
import { hosts } from './hosts.ts';
import { keyPairs } from './key-pairs.ts';
import { changes, newest } from './microversions.ts';
import { migrations, serverMigrations } from './migrations.ts';
import { limits, quotaClasses, quotaSets, usages } from './project.ts';
import { networkProxies, tenantNetworkProxies } from './network-proxies.ts';
import { floatingIpPools, floatingIpProxies, imageMetadataProxies, imageProxies, securityGroupProxies, securityGroupRuleProxies } from './proxies.ts';
import { availabilityZones, extensions, hypervisors, services } from './region.ts';
import { removed } from './removed.ts';
import { serverActions } from './server-actions.ts';
import { serverGroups } from './server-groups.ts';
import { consoleTokens, instanceActions, serverAddresses, serverConsoles, serverDiagnostics, serverInterfaces, serverMetadata, serverPassword, serverSecurityGroups, serverTags, serverTopology, serverVolumes } from './server-parts.ts';
import { serverShares } from './server-shares.ts';
import { snapshotProxies, volumeProxies } from './storage-proxies.ts';
import { servers } from './servers.ts';

const version = (base: string) => ({
  id: 'v2.1',
  status: 'CURRENT',
  version: newest,
  min_version: '2.1',
  updated: '2013-07-23T11:33:21Z',
  links: [{ rel: 'self', href: `${base}/compute/v2.1/` }],
});

/** What there was before microversions: nova/api/openstack/compute/views/versions.py */
const oldVersion = (base: string) => ({ id: 'v2.0', status: 'SUPPORTED', version: '', min_version: '', updated: '2011-01-21T11:33:21Z', links: [{ rel: 'self', href: `${base}/compute/v2/` }] });

const versions = (base: string) => ({ versions: [oldVersion(base), version(base)] });

const describedBy = { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' };

const old = (base: string) => ({
  version: { ...oldVersion(base), links: [...oldVersion(base).links, describedBy], 'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2' }] },
});

const one = (base: string) => ({
  version: {
    ...version(base),
    links: [
      { rel: 'self', href: `${base}/compute/v2.1/` },
      describedBy,
    ],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' }],
  },
});

/** nova/api/openstack/wsgi.py, Fault._fault_names */
const faultNames: Record<number, string> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

function shape({ status, message }: FaultFacts) {
  return { body: { [faultNames[status] ?? 'computeFault']: { code: status, message } } };
}

export const compute = service({
  type: 'compute',
  name: 'nova',
  title: 'Compute',
  root: '/compute',
  path: '/compute/v2.1',
  olderPath: '/compute/v2',
  catalogPath: '/compute/v2.1',
  projectInPath: true,
  slashAtEnd: 'unknown',
  where: 'region',
  microversions: { name: 'compute', legacyHeader: 'X-OpenStack-Nova-API-Version', min: '2.1', max: newest, changes },
  discovery: [
    { path: '/compute', status: 200, document: versions },
    { path: '/compute/v2', status: 200, document: old },
    { path: '/compute/v2.1', status: 200, document: one },
  ],
  shape,
  // What is too long or too short is said whole, as the library says it that upstream checks with. nova/api/validation/validators.py
  invalid({ field, value, reason }) {
    const [, fewer] = /^must not have (more|fewer) than \d+ characters$/.exec(reason) ?? [];
    if (fewer === undefined || typeof value !== 'string' || value.length > 2_000) return undefined;
    return { code: 'badRequest', message: `Invalid input for field/attribute ${field.split('/').pop()}. Value: ${value}. '${value}' is too ${fewer === 'fewer' ? 'short' : 'long'}` };
  },
  nouns: {
    servers,
    serverActions,
    serverMetadata,
    serverVolumes,
    serverInterfaces,
    serverAddresses,
    serverSecurityGroups,
    instanceActions,
    serverTags,
    serverConsoles,
    consoleTokens,
    serverDiagnostics,
    serverTopology,
    serverShares,
    serverPassword,
    serverGroups,
    flavors,
    flavorExtraSpecs,
    flavorAccess,
    keyPairs,
    limits,
    quotaSets,
    quotaClasses,
    usages,
    availabilityZones,
    aggregates,
    hosts,
    migrations,
    serverMigrations,
    externalEvents,
    usageAudits,
    removed,
    hypervisors,
    services,
    extensions,
    imageProxies,
    imageMetadataProxies,
    securityGroupProxies,
    securityGroupRuleProxies,
    floatingIpProxies,
    floatingIpPools,
    networkProxies,
    tenantNetworkProxies,
    volumeProxies,
    snapshotProxies,
  },
});
