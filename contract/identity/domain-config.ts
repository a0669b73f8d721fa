/** What holds for one domain alone: where its users are, and how its passwords must be. keystone/resource/core.py, DomainConfigManager */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const Option = Type.Union([Type.String({ maxLength: 4096 }), Type.Number(), Type.Boolean(), Type.Null()]);
const Options = Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Option);
/** By group: `{ "ldap": { "url": … } }`; where one option is asked for, only that. */
const Config = Type.Object({ config: Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.Union([Options, Option])) });

const reading = { rule: 'identity:get_domain_config', who: 'user', judged: true } as const;
const changing = { rule: 'identity:update_domain_config', who: 'admin', judged: true } as const;
const deleting = { rule: 'identity:delete_domain_config', who: 'admin', judged: true } as const;
const defaults = { rule: 'identity:get_domain_config_default', who: 'user', judged: true } as const;
const below = '/domains/{domain_id}/config';

export const domainConfig = operations({
  create: {
    method: 'PUT',
    path: below,
    summary: 'Configure a domain anew',
    access: { rule: 'identity:create_domain_config', who: 'admin', judged: true },
    stability: 'stable',
    body: Config,
    status: 201,
    otherStatuses: [200],
    response: Config,
  },
  show: { method: 'GET', path: below, summary: 'Show what is configured for a domain', access: reading, stability: 'stable', status: 200, response: Config },
  update: { method: 'PATCH', path: below, summary: 'Configure a domain', access: changing, stability: 'stable', body: Config, status: 200, response: Config },
  delete: { method: 'DELETE', path: below, summary: 'Take away what is configured for a domain', access: deleting, stability: 'stable', status: 204 },
  showGroup: { method: 'GET', path: `${below}/{group}`, summary: 'Show one group of what is configured', access: reading, stability: 'stable', status: 200, response: Config },
  updateGroup: { method: 'PATCH', path: `${below}/{group}`, summary: 'Configure one group', access: changing, stability: 'stable', body: Config, status: 200, response: Config },
  deleteGroup: { method: 'DELETE', path: `${below}/{group}`, summary: 'Take one group away', access: deleting, stability: 'stable', status: 204 },
  showOption: { method: 'GET', path: `${below}/{group}/{option}`, summary: 'Show one option', access: reading, stability: 'stable', status: 200, response: Config },
  updateOption: { method: 'PATCH', path: `${below}/{group}/{option}`, summary: 'Configure one option', access: changing, stability: 'stable', body: Config, status: 200, response: Config },
  deleteOption: { method: 'DELETE', path: `${below}/{group}/{option}`, summary: 'Take one option away', access: deleting, stability: 'stable', status: 204 },
  showDefaults: { method: 'GET', path: '/domains/config/default', summary: 'Show what holds where nothing is configured', access: defaults, stability: 'stable', status: 200, response: Config },
  showGroupDefaults: { method: 'GET', path: '/domains/config/{group}/default', summary: 'Show what holds in one group', access: defaults, stability: 'stable', status: 200, response: Config },
  showOptionDefault: { method: 'GET', path: '/domains/config/{group}/{option}/default', summary: 'Show what holds for one option', access: defaults, stability: 'stable', status: 200, response: Config },
});
