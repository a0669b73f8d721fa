/** What Cinder's microversions changed that marks on the schemas cannot say: cinder/api/openstack/rest_api_version_history.rst. */
import { Type } from 'typebox';
import type { Change } from '../contract.ts';
import { Size } from './volume.ts';

const closed = { additionalProperties: false };

export const changes: readonly Change[] = [
  {
    version: '3.42',
    title: 'A volume in use can be extended',
    operations: ['volumes.extend'],
    body: Type.Object({ 'os-extend': Type.Object({ new_size: Size }, closed) }, closed),
    request: ({ 'os-extend': wish }: { 'os-extend': object }) => ({ 'os-extend': { ...wish, available_only: true } }),
  },
];
