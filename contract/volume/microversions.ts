/** What Cinder's microversions changed that marks on the schemas cannot say: cinder/api/openstack/rest_api_version_history.rst. */
import { Type } from 'typebox';
import type { Change } from '../contract.ts';
import { Size, volumeNaming } from './volume.ts';

const closed = { additionalProperties: false };

/** The lists whose filters an administrator allows. */
const filtered = ['volumes.list', 'volumes.detail', 'snapshots.list', 'snapshots.detail', 'backups.list', 'backups.detail', 'groups.list', 'groups.detail', 'groupSnapshots.list', 'groupSnapshots.detail', 'attachments.list', 'attachments.detail', 'messages.list'];

export const changes: readonly Change[] = [
  {
    version: '3.2',
    title: 'Whether volumes are bootable is asked for by truth and not by any word',
    operations: ['volumes.list', 'volumes.detail'],
    query: ({ bootable, ...rest }: { bootable?: string }) => (bootable === undefined ? rest : { ...rest, bootable: ['false', 'False'].includes(bootable) ? 'false' : 'true' }),
  },
  {
    version: '3.31',
    title: 'What lists may not be filtered by is refused',
    operations: filtered,
    query: (query: object) => ({ ...query, any_filter: true }),
  },
  {
    version: '3.46',
    title: 'An image that stands for a snapshot makes a volume from the snapshot',
    operations: ['volumes.create'],
    request: ({ volume, ...rest }: { volume: object }) => ({ ...rest, volume: { ...volume, image_alone: true } }),
  },
  {
    version: '3.53',
    title: 'A change of a volume changes something',
    operations: ['volumes.update'],
    body: Type.Object({ volume: Type.Object(volumeNaming, closed) }, closed),
  },
  {
    version: '3.66',
    title: 'Volumes in use have snapshots without force',
    operations: ['snapshots.create'],
    request: ({ snapshot }: { snapshot: { force?: boolean | string | null } }) => ({ snapshot: { ...snapshot, available_only: !isTrue(snapshot.force) } }),
  },
  {
    version: '3.42',
    title: 'A volume in use can be extended',
    operations: ['volumes.extend'],
    body: Type.Object({ 'os-extend': Type.Object({ new_size: Size }, closed) }, closed),
    request: ({ 'os-extend': wish }: { 'os-extend': object }) => ({ 'os-extend': { ...wish, available_only: true } }),
  },
];

function isTrue(given: boolean | string | null | undefined): boolean {
  return given === true || (typeof given === 'string' && ['true', '1', 'on', 'yes', 'y', 't'].includes(given.toLowerCase()));
}
