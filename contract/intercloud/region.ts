/** What a region tells home of itself. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Name, nativeService } from './native.ts';

const Room = Type.Object({ vcpus: Type.Integer(), memory_mib: Type.Integer(), disk_gib: Type.Integer() }, { additionalProperties: false });

export const Zone = Type.Object(
  { name: Name, free: Room, largest: Type.Object(Room.properties, { additionalProperties: false, description: 'The most that one host has left of each' }), hosts: Type.Integer() },
  { additionalProperties: false },
);

export const capacity = operations({
  show: {
    method: 'GET',
    path: '/capacity',
    summary: 'Show what is left to be claimed, and which images everybody has here',
    access: { rule: 'region:get_capacity', who: 'service' },
    stability: 'experimental',
    status: 200,
    response: Type.Object({ zones: Type.Array(Zone), images: Type.Array(Type.String(), { description: 'SHA-512 of the bytes' }) }, { additionalProperties: false }),
  },
});

export const region = nativeService({ name: 'region', title: 'Region', where: 'region', nouns: { capacity } });
