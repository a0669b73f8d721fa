/** placement/handlers/{allocation,allocation_candidate,reshaper,usage}.py */
import { Type } from 'typebox';
import { operations, since, until } from '../contract.ts';
import { admin, amounts, className, exactly, integer, inventoriesOf, memberOf, only, ownId, requiredTraits, resourcesText, uuid, uuidKey } from './fields.ts';

const wanted = Type.Record(Type.String({ pattern: className }), Type.Integer({ minimum: 1, maximum: 9007199254740991 }), { minProperties: 1, additionalProperties: false });
const byProvider = Type.Record(Type.String({ pattern: uuidKey }), exactly({ generation: Type.Optional(integer), resources: wanted }), { additionalProperties: false });
const mappings = since('1.34', Type.Optional(Type.Record(Type.String({ pattern: '^[a-zA-Z0-9_-]{0,64}$' }), Type.Array(uuid, { minItems: 1 }), { minProperties: 1 })));

/** No allocations: what it had is given back. */
const claim = exactly({
  allocations: byProvider,
  project_id: ownId,
  user_id: ownId,
  consumer_generation: since('1.28', Type.Union([integer, Type.Null()])),
  mappings,
  consumer_type: since('1.38', Type.String({ pattern: '^[A-Z0-9_]+$', minLength: 1, maxLength: 255 })),
});
const claims = Type.Record(Type.String({ pattern: uuidKey }), claim, { minProperties: 1, additionalProperties: false });

/** Bodies of before, for `changes`. */
const listed = Type.Array(exactly({ resource_provider: exactly({ uuid }), resources: wanted }), { minItems: 1 });
export const claimOfList = exactly({ allocations: listed });
export const claimOfListWithOwner = exactly({ allocations: listed, project_id: ownId, user_id: ownId });
export const claimWithoutGeneration = exactly({ allocations: Type.Record(Type.String({ pattern: uuidKey }), exactly({ generation: Type.Optional(integer), resources: wanted }), { minProperties: 1, additionalProperties: false }), project_id: ownId, user_id: ownId });

export const allocations = operations({
  show: {
    method: 'GET',
    path: '/allocations/{consumer_uuid}',
    summary: 'What one consumer has claimed',
    access: admin('allocations:list'),
    stability: 'stable',
    status: 200,
    response: exactly({
      allocations: Type.Record(Type.String(), exactly({ generation: Type.Integer(), resources: amounts })),
      project_id: since('1.12', Type.Optional(Type.String())),
      user_id: since('1.12', Type.Optional(Type.String())),
      consumer_generation: since('1.28', Type.Optional(Type.Integer())),
      consumer_type: since('1.38', Type.Optional(Type.String())),
    }),
  },
  set: { method: 'PUT', path: '/allocations/{consumer_uuid}', summary: 'Say all that a consumer claims', access: admin('allocations:update'), stability: 'stable', body: claim, status: 204 },
  delete: { method: 'DELETE', path: '/allocations/{consumer_uuid}', summary: 'Give back all that a consumer claims', access: admin('allocations:delete'), stability: 'stable', status: 204 },
  setMany: { method: 'POST', path: '/allocations', since: '1.13', summary: 'Say all that several consumers claim', access: admin('allocations:manage'), stability: 'stable', body: claims, status: 204 },
});

export const reshaper = operations({
  reshape: {
    method: 'POST',
    path: '/reshaper',
    since: '1.30',
    summary: 'Change what providers have and what is claimed of them at once',
    access: admin('reshaper:reshape'),
    stability: 'stable',
    body: exactly({
      inventories: Type.Record(Type.String({ pattern: uuidKey }), inventoriesOf, { minProperties: 1, additionalProperties: false }),
      allocations: Type.Record(Type.String({ pattern: uuidKey }), claim, { additionalProperties: false }),
    }),
    status: 204,
  },
});

const request = exactly({
  allocations: Type.Record(Type.String(), exactly({ resources: amounts })),
  mappings: since('1.34', Type.Record(Type.String(), Type.Array(Type.String()))),
});

export const candidates = operations({
  list: {
    method: 'GET',
    path: '/allocation_candidates',
    since: '1.10',
    summary: 'Where it would fit: ready to be claimed',
    access: admin('allocation_candidates:list'),
    stability: 'stable',
    /** With a suffix (`resources1`, `required_NET`, from 1.25 and 1.33 on) they are about one provider each: not named here one by one. */
    query: Type.Object({
      resources: Type.Optional(resourcesText),
      limit: Type.Optional(since('1.16', Type.Integer({ minimum: 1 }))),
      required: Type.Optional(since('1.17', requiredTraits)),
      member_of: Type.Optional(since('1.21', memberOf)),
      group_policy: Type.Optional(since('1.25', Type.Union([Type.Literal('none'), Type.Literal('isolate')]))),
      in_tree: Type.Optional(since('1.31', uuid)),
      root_required: Type.Optional(since('1.35', Type.String())),
      same_subtree: Type.Optional(since('1.36', Type.Array(Type.String()))),
    }),
    status: 200,
    response: exactly({
      allocation_requests: Type.Array(request),
      provider_summaries: Type.Record(
        Type.String(),
        exactly({
          resources: Type.Record(Type.String(), exactly({ capacity: Type.Integer(), used: Type.Integer() })),
          traits: since('1.17', Type.Array(Type.String())),
          parent_provider_uuid: since('1.29', Type.Union([Type.String(), Type.Null()])),
          root_provider_uuid: since('1.29', Type.String()),
        }),
      ),
      /** Classes that were asked for: all that summaries told of, up to 1.26 (`changes`). */
      requested: until('1.26', Type.Optional(Type.Array(Type.String()))),
    }),
  },
});

export const usages = operations({
  show: {
    method: 'GET',
    path: '/usages',
    since: '1.9',
    summary: 'What a project, or one of its users, claims',
    access: { rule: 'placement:usages', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: only({ project_id: ownId, user_id: Type.Optional(ownId), consumer_type: Type.Optional(since('1.38', Type.String({ pattern: '^([A-Z0-9_]+|all|unknown)$', minLength: 1, maxLength: 255 }))) }),
    status: 200,
    response: exactly({ usages: Type.Record(Type.String(), amounts) }),
  },
});
