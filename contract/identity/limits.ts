/** What projects may have of resources: keystone/limit/schema.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Description, Id, listOf, Name, pageQuery, SelfLink } from './shapes.ts';

const most = 1000;
/** -1: as much as there is. */
const Amount = Type.Integer({ minimum: -1, maximum: 0x7fff_ffff });
const RegionId = Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]);

const NewRegisteredLimit = Type.Object(
  { service_id: Id, region_id: Type.Optional(RegionId), resource_name: Name, default_limit: Amount, description: Type.Optional(Description) },
  { additionalProperties: false },
);
const RegisteredLimitChange = Type.Object(
  { service_id: Type.Optional(Id), region_id: Type.Optional(RegionId), resource_name: Type.Optional(Name), default_limit: Type.Optional(Amount), description: Type.Optional(Description) },
  { additionalProperties: false },
);
export const RegisteredLimit = Type.Object({
  id: Type.String(),
  service_id: Type.String(),
  region_id: Type.Union([Type.String(), Type.Null()]),
  resource_name: Type.String(),
  default_limit: Type.Integer(),
  description: Description,
  links: SelfLink,
});
const filters = { service_id: Type.Optional(Type.String()), region_id: Type.Optional(Type.String()), resource_name: Type.Optional(Type.String()) };

export const registeredLimits = operations({
  list: {
    method: 'GET',
    path: '/registered_limits',
    summary: 'List what everybody may have',
    access: { rule: 'identity:list_registered_limits', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...filters }),
    status: 200,
    response: listOf('registered_limits', RegisteredLimit),
    list: { resource: 'registered_limit', show: 'show', parameter: 'registered_limit_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/registered_limits',
    summary: 'Say what everybody may have',
    access: { rule: 'identity:create_registered_limits', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ registered_limits: Type.Array(NewRegisteredLimit, { minItems: 1, maxItems: most }) }, { additionalProperties: false }),
    status: 201,
    response: Type.Object({ registered_limits: Type.Array(RegisteredLimit) }),
  },
  show: {
    method: 'GET',
    path: '/registered_limits/{registered_limit_id}',
    summary: 'Show what everybody may have of a resource',
    access: { rule: 'identity:get_registered_limit', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ registered_limit: RegisteredLimit }),
  },
  update: {
    method: 'PATCH',
    path: '/registered_limits/{registered_limit_id}',
    summary: 'Change what everybody may have of a resource',
    access: { rule: 'identity:update_registered_limit', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ registered_limit: RegisteredLimitChange }, { additionalProperties: false }),
    status: 200,
    response: Type.Object({ registered_limit: RegisteredLimit }),
  },
  delete: {
    method: 'DELETE',
    path: '/registered_limits/{registered_limit_id}',
    summary: 'Say no more what everybody may have of a resource',
    access: { rule: 'identity:delete_registered_limit', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
});

const NewLimit = Type.Object(
  {
    service_id: Id,
    region_id: Type.Optional(RegionId),
    resource_name: Name,
    resource_limit: Amount,
    project_id: Type.Optional(Type.Union([Id, Type.Null()])),
    domain_id: Type.Optional(Type.Union([Id, Type.Null()])),
    description: Type.Optional(Description),
  },
  { additionalProperties: false },
);
export const Limit = Type.Object({
  id: Type.String(),
  service_id: Type.String(),
  region_id: Type.Union([Type.String(), Type.Null()]),
  resource_name: Type.String(),
  resource_limit: Type.Integer(),
  project_id: Type.Union([Type.String(), Type.Null()]),
  domain_id: Type.Union([Type.String(), Type.Null()]),
  description: Description,
  links: SelfLink,
});

export const limits = operations({
  list: {
    method: 'GET',
    path: '/limits',
    summary: 'List what single projects and domains may have',
    access: { rule: 'identity:list_limits', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...filters, project_id: Type.Optional(Type.String()), domain_id: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('limits', Limit),
    list: { resource: 'limit', show: 'show', parameter: 'limit_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/limits',
    summary: 'Say what single projects or domains may have',
    access: { rule: 'identity:create_limits', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ limits: Type.Array(NewLimit, { minItems: 1, maxItems: most }) }, { additionalProperties: false }),
    status: 201,
    response: Type.Object({ limits: Type.Array(Limit) }),
  },
  model: {
    method: 'GET',
    path: '/limits/model',
    summary: 'Show how limits are enforced',
    access: { rule: 'identity:get_limit_model', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ model: Type.Object({ name: Type.String(), description: Type.String() }) }),
  },
  show: {
    method: 'GET',
    path: '/limits/{limit_id}',
    summary: 'Show what one project or domain may have',
    access: { rule: 'identity:get_limit', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ limit: Limit }),
  },
  update: {
    method: 'PATCH',
    path: '/limits/{limit_id}',
    summary: 'Change what one project or domain may have',
    access: { rule: 'identity:update_limit', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ limit: Type.Object({ resource_limit: Type.Optional(Amount), description: Type.Optional(Description) }, { additionalProperties: false }) }, { additionalProperties: false }),
    status: 200,
    response: Type.Object({ limit: Limit }),
  },
  delete: {
    method: 'DELETE',
    path: '/limits/{limit_id}',
    summary: 'Give one project or domain what everybody has',
    access: { rule: 'identity:delete_limit', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
});
