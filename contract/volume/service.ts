/** The block storage service, as Cinder shows it. */
import { service } from '../contract.ts';
import type { FaultFacts, Shaped } from '../contract.ts';
import { attachments } from './attachments.ts';
import { clusters, workers } from './clusters.ts';
import { cgSnapshots, consistencyGroups } from './consistency-groups.ts';
import { defaultTypes } from './default-types.ts';
import { groupSnapshots } from './group-snapshots.ts';
import { groupTypes } from './group-types.ts';
import { groups } from './groups.ts';
import { limits } from './limits.ts';
import { backups } from './backups.ts';
import { changes } from './microversions.ts';
import { manageableSnapshots, manageableVolumes, snapshotManage, volumeManage } from './manageable.ts';
import { messages } from './messages.ts';
import { qosSpecs } from './qos-specs.ts';
import { capabilities, hosts, pools, serviceActions, services } from './services.ts';
import { snapshots } from './snapshots.ts';
import { transfers, volumeTransfers } from './transfers.ts';
import { types } from './types.ts';
import { volumeActions } from './volume-actions.ts';
import { volumes } from './volumes.ts';

const min = '3.0';
const max = '3.71';

const versions = (base: string) => ({
  versions: [
    {
      id: 'v3.0',
      status: 'CURRENT',
      version: max,
      min_version: min,
      updated: '2024-04-03T00:00:00Z',
      links: [
        { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' },
        { rel: 'self', href: `${base}/volume/v3/` },
      ],
      'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' }],
    },
  ],
});

export const volume = service({
  type: 'volumev3',
  name: 'cinderv3',
  title: 'Block storage',
  root: '/volume',
  path: '/volume/v3',
  catalogPath: '/volume/v3/{project_id}',
  projectInPath: true,
  where: 'region',
  slashAtEnd: 'unknown',
  microversions: { name: 'volume', min, max, changes },
  discovery: [
    { path: '/volume', status: 300, document: versions },
    { path: '/volume/v3', status: 200, document: versions },
  ],
  shape,
  nouns: { volumes, volumeActions, manageableVolumes, manageableSnapshots, volumeManage, snapshotManage, snapshots, attachments, backups, groupTypes, groups, groupSnapshots, consistencyGroups, cgSnapshots, transfers, volumeTransfers, messages, types, qosSpecs, defaultTypes, limits, services, serviceActions, capabilities, clusters, workers, hosts, pools },
});

/** cinder/api/openstack/wsgi.py, Fault. */
const names: Record<number, string> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  406: 'notAcceptable',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

function shape({ status, message }: FaultFacts): Shaped {
  return { body: { [names[status] ?? 'computeFault']: { code: status, message } } };
}
