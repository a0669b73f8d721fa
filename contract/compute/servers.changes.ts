/** Steps between microversions in what users see. nova/api/openstack/compute/rest_api_version_history.rst */
import { Type } from 'typebox';
import type { Change } from '../contract.ts';
import { exactly, name } from './fields.ts';

type Body = Record<string, Record<string, unknown> | null>;

/** Says in this part of an older request what it means. */
function says(part: string, meaning: Record<string, unknown>) {
  return (body: Body) => ({ ...body, [part]: { ...meaning, ...body[part] } });
}

const oldGroup = (...policies: string[]) =>
  exactly({ server_group: exactly({ name, policies: Type.Array(Type.Union(policies.map((each) => Type.Literal(each))), { minItems: 1, maxItems: 1 }) }) });

export const serverChanges: readonly Change[] = [
  { version: '2.2', title: 'Making a key pair is answered with 201', operations: ['keyPairs.create'], status: 200 },
  { version: '2.2', title: 'Deleting a key pair is answered with 204', operations: ['keyPairs.delete'], status: 202 },
  { version: '2.15', title: 'Groups may be kept together or apart as far as possible', operations: ['serverGroups.create'], body: oldGroup('anti-affinity', 'affinity') },
  {
    version: '2.19',
    title: 'A server is described by its owner, and no longer by its name',
    operations: ['servers.create'],
    request: ({ server, ...rest }: { server: { name: string } }) => ({ ...rest, server: { ...server, description: server.name } }),
  },
  { version: '2.20', title: 'Volumes are attached to servers that are shelved', operations: ['serverVolumes.attach'], request: says('volumeAttachment', { placed: true }) },
  { version: '2.20', title: 'Volumes are detached from servers that are shelved', operations: ['serverVolumes.detach'], query: (query: object) => ({ ...query, placed: true }) },
  { version: '2.21', title: 'What was asked of servers that are deleted is told', operations: ['instanceActions.list', 'instanceActions.show'], query: (query: object) => ({ ...query, living: true }) },
  { version: '2.34', title: 'Whether a server can move is looked at after the answer', operations: ['serverActions.migrateLive'], request: says('os-migrateLive', { checkedAtOnce: true }) },
  {
    version: '2.37',
    title: 'Networks have to be said; an empty list is the only one that there is',
    operations: ['servers.create'],
    request: ({ server, ...rest }: { server: object }) => ({ ...rest, server: { networks: [], ...server } }),
  },
  { version: '2.38', title: 'A status that there is not is refused', operations: ['servers.list', 'servers.detail'], query: (query: object) => ({ ...query, passWrongStatus: true }) },
  { version: '2.45', title: 'The id of an image is told in the body', operations: ['serverActions.createImage', 'serverActions.createBackup'], response: () => undefined },
  {
    version: '2.51',
    title: 'Whoever sees what was asked of a server also sees the events of it',
    operations: ['instanceActions.show'],
    response: ({ instanceAction: { events, ...action } }: { instanceAction: { events?: { traceback?: unknown }[] } }) => ({
      instanceAction: events?.every((event) => 'traceback' in event) ? { ...action, events } : action,
    }),
  },
  { version: '2.60', title: 'A volume is attached to several servers', operations: ['serverVolumes.attach'], request: says('volumeAttachment', { single: true }) },
  {
    version: '2.64',
    title: 'A group has one policy, and rules for it',
    operations: ['serverGroups.create'],
    body: oldGroup('anti-affinity', 'affinity', 'soft-anti-affinity', 'soft-affinity'),
    request: ({ server_group: { policies, ...group } }: { server_group: { policies: string[] } }) => ({ server_group: { ...group, policy: policies[0] } }),
  },
  { version: '2.83', title: 'Users filter by more than administrators alone did', operations: ['servers.list', 'servers.detail'], query: (query: object) => ({ ...query, fewFilters: true }) },
  { version: '2.87', title: 'Servers that boot from a volume are rescued', operations: ['serverActions.rescue'], request: says('rescue', { fromLocalDisk: true }) },
  {
    version: '2.90',
    title: 'Whoever sees a server also sees the name of its guest',
    operations: ['servers.show', 'servers.detail', 'servers.update', 'serverActions.rebuild'],
    response: (body: { server?: object; servers?: object[] }) => {
      for (const server of [body.server ?? [], body.servers ?? []].flat() as Record<string, unknown>[]) if (!('OS-EXT-SRV-ATTR:host' in server)) delete server['OS-EXT-SRV-ATTR:hostname'];
      return body;
    },
  },
  {
    version: '2.92',
    title: 'Key pairs are no longer generated',
    operations: ['keyPairs.create'],
    request: ({ keypair }: { keypair: { public_key?: string } }) => ({ keypair: { ...keypair, ...(keypair.public_key === undefined ? { generate: true } : {}) } }),
  },
  { version: '2.93', title: 'A volume is made anew from an image with its server', operations: ['serverActions.rebuild'], request: says('rebuild', { keepVolume: true }) },
  { version: '2.95', title: 'What is evacuated stays stopped', operations: ['serverActions.evacuate'], request: says('evacuate', { keepPower: true }) },
];
