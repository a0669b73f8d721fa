/** What a region tells home of itself. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Id, Moment, Name, nativeService } from './native.ts';
import { hosts } from './region/hosts.ts';

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

const Question = Type.Object(
  { filter: Name, says: Type.String({ description: 'What the hosts have in common that are left' }), hosts: Type.Integer({ description: 'How many are left' }) },
  { additionalProperties: false },
);

export const placing = operations({
  whatIf: {
    method: 'POST',
    path: '/what-if',
    summary: 'Say how many servers of a flavor fit now, and on which hosts',
    access: { rule: 'region:what_if', who: 'admin' },
    stability: 'experimental',
    effects: 'none',
    body: Type.Object(
      {
        flavor: Type.String({ minLength: 1, maxLength: 255, description: 'Its id or its name' }),
        availability_zone: Type.Optional(Name),
        extra_specs: Type.Optional(Type.Record(Type.String({ maxLength: 255 }), Type.String({ maxLength: 255 }), { description: 'As if the flavor had these besides' })),
        image_properties: Type.Optional(Type.Record(Type.String({ maxLength: 255 }), Type.String({ maxLength: 255 }))),
      },
      { additionalProperties: false },
    ),
    status: 200,
    response: Type.Object(
      {
        fits: Type.Integer({ description: 'How many more of it there is room for' }),
        hosts: Type.Integer({ description: 'How many hosts were looked at' }),
        questions: Type.Array(Question, { description: 'One after another; each is asked of the hosts that the one before has left' }),
        room: Type.Array(Type.Object({ host: Name, availability_zone: Name, fits: Type.Integer() }, { additionalProperties: false }), { description: 'The roomiest first, at most a thousand' }),
      },
      { additionalProperties: false },
    ),
  },
  show: {
    method: 'GET',
    path: '/servers/{server_id}/decision',
    summary: 'Say why a server is on its host',
    access: { rule: 'region:get_decision', who: 'admin' },
    stability: 'experimental',
    status: 200,
    response: Type.Object(
      {
        server_id: Id,
        decided_at: Moment,
        host: Name,
        again: Type.Union([Name, Type.Null()], { description: 'The host that the same numbers give when it is decided once more: the same' }),
        hosts: Type.Integer(),
        questions: Type.Array(Question),
        weights: Type.Array(Type.Object({ name: Name, multiplier: Type.Number(), least: Type.Number(), most: Type.Number() }, { additionalProperties: false })),
        finalists: Type.Array(Type.Object({ host: Name, values: Type.Array(Type.Number(), { description: 'In the order of weights' }), lost: Type.Boolean({ description: 'Somebody else was given its room meanwhile' }) }, { additionalProperties: false }), { description: 'The best first' }),
      },
      { additionalProperties: false },
    ),
  },
});

export const region = nativeService({ name: 'region', title: 'Region', where: 'region', nouns: { capacity, differences, placing, hosts } });
