/** What a region tells home of itself. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Moment, Name, nativeService } from './native.ts';

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

const Stray = Type.Object(
  {
    kind: Type.String(),
    remote_id: Type.String({ description: 'As it is called there' }),
    project_id: Type.String({ description: 'Ours, in whose place it lies' }),
    says: Type.Union([Type.String(), Type.Null()], { description: 'Which of our things it says to be' }),
  },
  { additionalProperties: false },
);
const Missing = Type.Object({ kind: Type.String(), id: Type.String() }, { additionalProperties: false });

/** What only one of the two clouds knows of. */
export const Differences = Type.Object({ there: Type.Array(Stray), here: Type.Array(Missing), checked_at: Moment }, { additionalProperties: false });

export const differences = operations({
  show: {
    method: 'GET',
    path: '/differences',
    summary: 'Compare what is here with what is there, now',
    access: { rule: 'region:get_differences', who: 'service' },
    stability: 'experimental',
    status: 200,
    response: Differences,
    effects: 'own',
  },
});

export const region = nativeService({ name: 'region', title: 'Region', where: 'region', nouns: { capacity, differences } });
