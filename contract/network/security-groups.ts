import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { description, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, shownTags, standardFilters, strict, tagFilters, text, wholeNumber, wishRules } from './attributes.ts';

export const SecurityGroupRule = Type.Object({
  ...shownOwner,
  ...shownStandard,
  security_group_id: Type.String(),
  direction: Type.Enum(['ingress', 'egress']),
  ethertype: Type.Enum(['IPv4', 'IPv6']),
  protocol: nullable(Type.String()),
  port_range_min: nullable(Type.Integer()),
  port_range_max: nullable(Type.Integer()),
  remote_group_id: nullable(Type.String()),
  remote_address_group_id: nullable(Type.String()),
  remote_ip_prefix: nullable(Type.String()),
  normalized_cidr: nullable(Type.String()),
  belongs_to_default_sg: Type.Boolean(),
});

export const SecurityGroup = Type.Object({
  ...shownOwner,
  ...shownStandard,
  ...shownTags,
  name: Type.String(),
  stateful: Type.Boolean(),
  shared: Type.Boolean(),
  security_group_rules: Type.Array(SecurityGroupRule),
});

const settable = { description: Type.Optional(description), stateful: Type.Optional(Type.Boolean()) };
const NewSecurityGroup = Type.Object({ ...owner, ...settable, name: Type.Optional(name) }, strict);

export const securityGroups = operations({
  list: {
    method: 'GET', path: '/security-groups', summary: 'List security groups', stability: 'stable',
    // A project's default group is made when it is first looked for, so looking may change something.
    access: { rule: 'get_security_group', who: 'reader', adminEverywhere: true },
    effects: 'own',
    query: listQuery([...standardFilters, ...tagFilters, 'stateful', 'shared']),
    status: 200,
    response: Type.Object({ security_groups: Type.Array(Type.Partial(SecurityGroup)), security_groups_links: Type.Optional(links) }),
    list: { resource: 'security_group', show: 'show', parameter: 'security_group_id' },
  },
  create: {
    method: 'POST', path: '/security-groups', summary: 'Create security groups', stability: 'stable',
    access: { rule: 'create_security_group', who: 'member', adminEverywhere: true },
    body: Type.Object({ security_group: Type.Optional(NewSecurityGroup), security_groups: Type.Optional(Type.Array(NewSecurityGroup, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ security_group: Type.Optional(SecurityGroup), security_groups: Type.Optional(Type.Array(SecurityGroup)) }),
  },
  show: {
    method: 'GET', path: '/security-groups/{security_group_id}', summary: 'Show a security group', stability: 'stable',
    access: { rule: 'get_security_group', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ security_group: Type.Partial(SecurityGroup) }),
  },
  update: {
    method: 'PUT', path: '/security-groups/{security_group_id}', summary: 'Update a security group', stability: 'stable',
    access: { rule: 'update_security_group', who: 'member', adminEverywhere: true },
    body: Type.Object({ security_group: Type.Object({ ...settable, name: Type.Optional(name) }, strict) }, strict),
    status: 200,
    response: Type.Object({ security_group: SecurityGroup }),
  },
  delete: {
    method: 'DELETE', path: '/security-groups/{security_group_id}', summary: 'Delete a security group', stability: 'stable',
    access: { rule: 'delete_security_group', who: 'member', adminEverywhere: true },
    status: 204,
  },
});

const NewRule = Type.Object(
  {
    ...owner,
    // Neutron looks for them without asking whether they could be ids: 404, not 400.
    security_group_id: text(255),
    direction: Type.Enum(['ingress', 'egress']),
    ethertype: Type.Optional(text(10)),
    protocol: Type.Optional(Type.Union([text(40), Type.Integer(), Type.Null()])),
    port_range_min: Type.Optional(nullable(wholeNumber)),
    port_range_max: Type.Optional(nullable(wholeNumber)),
    remote_group_id: Type.Optional(nullable(text(255))),
    remote_address_group_id: Type.Optional(nullable(text(255))),
    remote_ip_prefix: Type.Optional(nullable(text(64))),
    description: Type.Optional(description),
  },
  strict,
);

export const securityGroupRules = operations({
  list: {
    method: 'GET', path: '/security-group-rules', summary: 'List rules of security groups', stability: 'stable',
    access: { rule: 'get_security_group_rule', who: 'reader', adminEverywhere: true },
    effects: 'own',
    query: listQuery(['id', 'project_id', 'tenant_id', 'description', 'revision_number', 'security_group_id', 'direction', 'ethertype', 'protocol', 'port_range_min', 'port_range_max', 'remote_group_id', 'remote_address_group_id', 'remote_ip_prefix', 'normalized_cidr']),
    status: 200,
    response: Type.Object({ security_group_rules: Type.Array(Type.Partial(SecurityGroupRule)), security_group_rules_links: Type.Optional(links) }),
    list: { resource: 'security_group_rule', show: 'show', parameter: 'rule_id' },
  },
  create: {
    method: 'POST', path: '/security-group-rules', summary: 'Create rules of security groups', stability: 'stable',
    access: { rule: 'create_security_group_rule', who: 'member', adminEverywhere: true },
    body: Type.Object({ security_group_rule: Type.Optional(NewRule), security_group_rules: Type.Optional(Type.Array(NewRule, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ security_group_rule: Type.Optional(SecurityGroupRule), security_group_rules: Type.Optional(Type.Array(SecurityGroupRule)) }),
  },
  show: {
    method: 'GET', path: '/security-group-rules/{rule_id}', summary: 'Show a rule of a security group', stability: 'stable',
    access: { rule: 'get_security_group_rule', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ security_group_rule: Type.Partial(SecurityGroupRule) }),
  },
  delete: {
    method: 'DELETE', path: '/security-group-rules/{rule_id}', summary: 'Delete a rule of a security group', stability: 'stable',
    access: { rule: 'delete_security_group_rule', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
