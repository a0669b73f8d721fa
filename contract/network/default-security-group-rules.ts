import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { description, links, listQuery, nullable, owner, showQuery, strict, text, wholeNumber, wishRules } from './attributes.ts';

const DefaultRule = Type.Object({
  id: Type.String(),
  direction: Type.Enum(['ingress', 'egress']),
  ethertype: Type.Enum(['IPv4', 'IPv6']),
  protocol: nullable(Type.String()),
  port_range_min: nullable(Type.Integer()),
  port_range_max: nullable(Type.Integer()),
  /** `PARENT` is the group that the rule is made in. */
  remote_group_id: nullable(Type.String()),
  remote_address_group_id: nullable(Type.String()),
  remote_ip_prefix: nullable(Type.String()),
  description: Type.String(),
  used_in_default_sg: Type.Boolean(),
  used_in_non_default_sg: Type.Boolean(),
});

const NewDefaultRule = Type.Object(
  {
    ...owner,
    direction: Type.Enum(['ingress', 'egress']),
    ethertype: Type.Optional(text(10)),
    protocol: Type.Optional(Type.Union([text(40), Type.Integer(), Type.Null()])),
    port_range_min: Type.Optional(nullable(wholeNumber)),
    port_range_max: Type.Optional(nullable(wholeNumber)),
    remote_group_id: Type.Optional(nullable(text(255))),
    remote_address_group_id: Type.Optional(nullable(text(255))),
    remote_ip_prefix: Type.Optional(nullable(text(64))),
    description: Type.Optional(description),
    used_in_default_sg: Type.Boolean(),
    used_in_non_default_sg: Type.Boolean(),
  },
  strict,
);

export const defaultSecurityGroupRules = operations({
  list: {
    method: 'GET', path: '/default-security-group-rules', summary: 'List the rules with which security groups begin', stability: 'stable',
    access: { rule: 'get_default_security_group_rule', who: 'reader' },
    query: listQuery(['id', 'description', 'direction', 'ethertype', 'protocol', 'port_range_min', 'port_range_max', 'remote_group_id', 'remote_address_group_id', 'remote_ip_prefix', 'used_in_default_sg', 'used_in_non_default_sg']),
    status: 200,
    response: Type.Object({ default_security_group_rules: Type.Array(Type.Partial(DefaultRule)), default_security_group_rules_links: Type.Optional(links) }),
    list: { resource: 'default_security_group_rule', show: 'show', parameter: 'rule_id', ofNoProject: true },
  },
  create: {
    method: 'POST', path: '/default-security-group-rules', summary: 'Create rules with which security groups begin', stability: 'stable',
    access: { rule: 'create_default_security_group_rule', who: 'admin' },
    body: Type.Object({ default_security_group_rule: Type.Optional(NewDefaultRule), default_security_group_rules: Type.Optional(Type.Array(NewDefaultRule, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ default_security_group_rule: Type.Optional(DefaultRule), default_security_group_rules: Type.Optional(Type.Array(DefaultRule)) }),
  },
  show: {
    method: 'GET', path: '/default-security-group-rules/{rule_id}', summary: 'Show a rule with which security groups begin', stability: 'stable',
    access: { rule: 'get_default_security_group_rule', who: 'reader' },
    query: showQuery,
    status: 200,
    response: Type.Object({ default_security_group_rule: Type.Partial(DefaultRule) }),
  },
  delete: {
    method: 'DELETE', path: '/default-security-group-rules/{rule_id}', summary: 'Delete a rule with which security groups begin', stability: 'stable',
    access: { rule: 'delete_default_security_group_rule', who: 'admin' },
    status: 204,
  },
});
