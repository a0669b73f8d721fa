import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { description, id, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, standardFilters, strict, text, wishRules } from './attributes.ts';

const events = ['ACCEPT', 'DROP', 'ALL'] as const;

const Log = Type.Object({
  ...shownOwner,
  ...shownStandard,
  name: Type.String(),
  resource_type: Type.String(),
  resource_id: nullable(Type.String()),
  target_id: nullable(Type.String()),
  event: Type.Enum([...events]),
  enabled: Type.Boolean(),
});

const settable = { name: Type.Optional(name), description: Type.Optional(description), enabled: Type.Optional(Type.Boolean()) };
const NewLog = Type.Object(
  { ...owner, ...settable, resource_type: text(255), resource_id: Type.Optional(nullable(id)), target_id: Type.Optional(nullable(id)), event: Type.Optional(Type.Enum([...events])) },
  strict,
);

export const logs = operations({
  list: {
    method: 'GET', path: '/log/logs', summary: 'List what is written down of packets', stability: 'stable',
    access: { rule: 'get_log', who: 'manager', adminEverywhere: true },
    query: listQuery([...standardFilters, 'resource_type', 'resource_id', 'target_id', 'event', 'enabled']),
    status: 200,
    response: Type.Object({ logs: Type.Array(Type.Partial(Log)), logs_links: Type.Optional(links) }),
    list: { resource: 'log', show: 'show', parameter: 'log_id' },
  },
  create: {
    method: 'POST', path: '/log/logs', summary: 'Write down packets that security groups let pass or drop', stability: 'stable',
    access: { rule: 'create_log', who: 'manager', adminEverywhere: true },
    body: Type.Object({ log: Type.Optional(NewLog), logs: Type.Optional(Type.Array(NewLog, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ log: Type.Optional(Log), logs: Type.Optional(Type.Array(Log)) }),
  },
  show: {
    method: 'GET', path: '/log/logs/{log_id}', summary: 'Show a log', stability: 'stable',
    access: { rule: 'get_log', who: 'manager', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ log: Type.Partial(Log) }),
  },
  update: {
    method: 'PUT', path: '/log/logs/{log_id}', summary: 'Update a log', stability: 'stable',
    access: { rule: 'update_log', who: 'manager', adminEverywhere: true },
    body: Type.Object({ log: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ log: Log }),
  },
  delete: {
    method: 'DELETE', path: '/log/logs/{log_id}', summary: 'Write no more of it', stability: 'stable',
    access: { rule: 'delete_log', who: 'manager', adminEverywhere: true },
    status: 204,
  },
});

export const loggableResources = operations({
  list: {
    method: 'GET', path: '/log/loggable-resources', summary: 'List of what packets can be written down', stability: 'stable',
    access: { rule: 'get_loggable_resource', who: 'manager', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ loggable_resources: Type.Array(Type.Partial(Type.Object({ type: Type.String() }))) }),
  },
});
