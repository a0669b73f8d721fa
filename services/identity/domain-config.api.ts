/** The door of what is configured for domains. keystone/api/domains.py */
import { domainConfig as contract } from '../../contract/identity/domain-config.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { createConfig, deleteConfig, showConfig, showDefaults, updateConfig, type Config, type Value, type Which } from './domain-config.ts';
import type { IdentityParts } from './parts.ts';

type Body = { config: Record<string, Record<string, Value> | Value> };

export function domainConfigDoor({ vault }: IdentityParts) {
  return implement(contract, {
    async create(request) {
      const { config, isNew } = await createConfig(request, vault, request.params.domain_id, request.body.config as Config);
      await announce(request, 'domain', 'updated', request.params.domain_id);
      return new Answer({ config }, { status: isNew ? 201 : 200 });
    },
    async show(request) {
      return { config: await showConfig(request, request.params.domain_id, {}) };
    },
    async update(request) {
      const config = await updateConfig(request, vault, request.params.domain_id, request.body.config as Config, {});
      await announce(request, 'domain', 'updated', request.params.domain_id);
      return { config };
    },
    async delete(request) {
      await deleteConfig(request, request.params.domain_id, {});
      await announce(request, 'domain', 'updated', request.params.domain_id);
    },
    async showGroup(request) {
      return shown(await showConfig(request, request.params.domain_id, whichOf(request.params)), whichOf(request.params));
    },
    async updateGroup(request) {
      const config = await updateConfig(request, vault, request.params.domain_id, request.body.config as Config, whichOf(request.params));
      await announce(request, 'domain', 'updated', request.params.domain_id);
      return { config };
    },
    async deleteGroup(request) {
      await deleteConfig(request, request.params.domain_id, whichOf(request.params));
      await announce(request, 'domain', 'updated', request.params.domain_id);
    },
    async showOption(request) {
      return shown(await showConfig(request, request.params.domain_id, whichOf(request.params)), whichOf(request.params));
    },
    async updateOption(request) {
      // Of one option it is sent without its group: { config: { url: … } }.
      const config = await updateConfig(request, vault, request.params.domain_id, { [request.params.group]: request.body.config } as Config, whichOf(request.params));
      await announce(request, 'domain', 'updated', request.params.domain_id);
      return { config };
    },
    async deleteOption(request) {
      await deleteConfig(request, request.params.domain_id, whichOf(request.params));
      await announce(request, 'domain', 'updated', request.params.domain_id);
    },
    async showDefaults(request) {
      return { config: showDefaults(request, {}) };
    },
    async showGroupDefaults(request) {
      return shown(showDefaults(request, whichOf(request.params)), whichOf(request.params));
    },
    async showOptionDefault(request) {
      return shown(showDefaults(request, whichOf(request.params)), whichOf(request.params));
    },
  });
}

function whichOf({ group, option }: { group: string; option?: string }): Which {
  return option === undefined ? { group } : { group, option };
}

/** Of one option only that, without its group. */
function shown(config: Config, { group, option }: Which): Body {
  return { config: option === undefined ? config : { [option]: config[group!]![option]! } };
}
