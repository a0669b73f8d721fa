import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { id, links, listQuery, name, nullable, owner, showQuery, strict, text, wishRules } from './attributes.ts';

const directions = ['ingress', 'egress'] as const;

const Label = Type.Object({ id: Type.String(), name: Type.String(), description: Type.String(), project_id: Type.String(), tenant_id: Type.String(), shared: Type.Boolean() });
const NewLabel = Type.Object({ ...owner, name: Type.Optional(name), description: Type.Optional(text(1024)), shared: Type.Optional(Type.Boolean()) }, strict);

export const meteringLabels = operations({
  list: {
    method: 'GET', path: '/metering/metering-labels', summary: 'List labels by which traffic is counted', stability: 'stable',
    access: { rule: 'get_metering_label', who: 'reader', adminEverywhere: true },
    query: listQuery(['id', 'name', 'description', 'project_id', 'tenant_id', 'shared']),
    status: 200,
    response: Type.Object({ metering_labels: Type.Array(Type.Partial(Label)), metering_labels_links: Type.Optional(links) }),
    list: { resource: 'metering_label', show: 'show', parameter: 'label_id' },
  },
  create: {
    method: 'POST', path: '/metering/metering-labels', summary: 'Create a label by which traffic through routers is counted', stability: 'stable',
    access: { rule: 'create_metering_label', who: 'manager', adminEverywhere: true },
    body: Type.Object({ metering_label: Type.Optional(NewLabel), metering_labels: Type.Optional(Type.Array(NewLabel, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ metering_label: Type.Optional(Label), metering_labels: Type.Optional(Type.Array(Label)) }),
  },
  show: {
    method: 'GET', path: '/metering/metering-labels/{label_id}', summary: 'Show a label', stability: 'stable',
    access: { rule: 'get_metering_label', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ metering_label: Type.Partial(Label) }),
  },
  delete: {
    method: 'DELETE', path: '/metering/metering-labels/{label_id}', summary: 'Delete a label and its rules', stability: 'stable',
    access: { rule: 'delete_metering_label', who: 'manager', adminEverywhere: true },
    status: 204,
  },
});

const prefixes = { remote_ip_prefix: nullable(Type.String()), source_ip_prefix: nullable(Type.String()), destination_ip_prefix: nullable(Type.String()) };
const Rule = Type.Object({ id: Type.String(), metering_label_id: Type.String(), direction: Type.Enum([...directions]), excluded: Type.Boolean(), ...prefixes });
const prefix = Type.Optional(nullable(text(64)));
const NewRule = Type.Object(
  { ...owner, metering_label_id: id, direction: Type.Enum([...directions]), excluded: Type.Optional(Type.Boolean()), remote_ip_prefix: prefix, source_ip_prefix: prefix, destination_ip_prefix: prefix },
  strict,
);

export const meteringLabelRules = operations({
  list: {
    method: 'GET', path: '/metering/metering-label-rules', summary: 'List what labels count', stability: 'stable',
    access: { rule: 'get_metering_label_rule', who: 'reader', adminEverywhere: true },
    query: listQuery(['id', 'metering_label_id', 'direction', 'excluded', 'remote_ip_prefix', 'source_ip_prefix', 'destination_ip_prefix']),
    status: 200,
    response: Type.Object({ metering_label_rules: Type.Array(Type.Partial(Rule)), metering_label_rules_links: Type.Optional(links) }),
    list: { resource: 'metering_label_rule', show: 'show', parameter: 'rule_id' },
  },
  create: {
    method: 'POST', path: '/metering/metering-label-rules', summary: 'Let a label count, or leave out, what passes a way out of routers', stability: 'stable',
    access: { rule: 'create_metering_label_rule', who: 'manager', adminEverywhere: true },
    body: Type.Object({ metering_label_rule: Type.Optional(NewRule), metering_label_rules: Type.Optional(Type.Array(NewRule, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ metering_label_rule: Type.Optional(Rule), metering_label_rules: Type.Optional(Type.Array(Rule)) }),
  },
  show: {
    method: 'GET', path: '/metering/metering-label-rules/{rule_id}', summary: 'Show what a label counts', stability: 'stable',
    access: { rule: 'get_metering_label_rule', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ metering_label_rule: Type.Partial(Rule) }),
  },
  delete: {
    method: 'DELETE', path: '/metering/metering-label-rules/{rule_id}', summary: 'Delete a rule of a label', stability: 'stable',
    access: { rule: 'delete_metering_label_rule', who: 'manager', adminEverywhere: true },
    status: 204,
  },
});
