/** What is configured for one domain. keystone/resource/core.py, DomainConfigManager */
import { forbidden, notFound } from '../../kit/fault.ts';
import { sql } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { secretServerOptions, serverDefaults, serverOptions, demandServerOption } from './directory-server-options.ts';
import { deleteDomainOptions, firstOptions, listDomainOptions, type DomainOption } from './domain-options.store.ts';
import { storeOption } from './domain-secrets.ts';
import { defaultDomainId } from './domains.ts';
import { findDomain, lockDomain } from './domains.store.ts';
import { enforcementModels, limitGroup } from './limits.ts';
import { demandPasswordOption, passwordDefaults, passwordGroup, passwordOptions } from './password-policy.ts';
import { listProjects } from './projects.store.ts';
import { couldNotFind, invalid } from './refusals.ts';
import type { Vault } from './vault.ts';

export type Value = string | number | boolean | null;
export type Config = Record<string, Record<string, Value>>;
/** All of it, a group, or one option. */
export type Which = { group?: string; option?: string };

const known: Readonly<Record<string, { options: readonly string[]; secret: readonly string[]; defaults: Readonly<Record<string, unknown>>; demand(option: string, value: unknown): void }>> = {
  identity: {
    options: ['driver', 'list_limit'],
    secret: [],
    defaults: { driver: 'sql', list_limit: null },
    demand(option, value) {
      // keystone keeps any name; what is not ldap is kept here, in the database.
      if (option === 'driver' && (typeof value !== 'string' || value === '')) throw invalid("Invalid input for field 'identity.driver': it must be a name: sql, or ldap");
      if (option === 'list_limit' && value !== null && !(Number.isInteger(value) && Number(value) > 0)) throw invalid("Invalid input for field 'identity.list_limit': it must be a number above 0, or null");
    },
  },
  ldap: { options: serverOptions, secret: secretServerOptions, defaults: serverDefaults, demand: demandServerOption },
  [limitGroup]: {
    options: ['enforcement_model'],
    secret: [],
    defaults: { enforcement_model: 'flat' },
    demand(option, value) {
      if (!Object.keys(enforcementModels).includes(String(value))) throw invalid(`Invalid input for field '${limitGroup}.${option}': it must be one of ${Object.keys(enforcementModels).join(', ')}`);
    },
  },
  // keystone has it for the whole cloud only, in its file; here the default domain's is the cloud's.
  [passwordGroup]: { options: passwordOptions, secret: [], defaults: passwordDefaults, demand: demandPasswordOption },
};

/** What any user may know of it, to choose a password. */
const tellable = ['password_regex', 'password_regex_description'];

export async function showConfig(context: Context, domainId: string, which: Which): Promise<Config> {
  const { tx } = context;
  if (which.group === passwordGroup) return showPasswordRules(context, domainId, which.option);
  demand(context, 'identity:get_domain_config');
  if (!(await findDomain(tx, domainId))) throw couldNotFind('domain', domainId);
  demandKnown(which);
  const config = await configOf(tx, domainId, which);
  if (Object.keys(config).length === 0) throw configNotFound(domainId, which);
  return config;
}

async function showPasswordRules(context: Context, domainId: string, option: string | undefined): Promise<Config> {
  demand(context, 'identity:get_security_compliance_domain_config');
  if (!(await findDomain(context.tx, domainId))) throw couldNotFind('domain', domainId);
  if (option !== undefined && !tellable.includes(option)) throw invalidConfig('Reading security compliance values other than password_regex and password_regex_description is not allowed.');
  const found = await firstOptions(context.tx, [domainId, defaultDomainId], passwordGroup);
  return { [passwordGroup]: Object.fromEntries((option === undefined ? tellable : [option]).map((name) => [name, (found[name] ?? null) as Value])) };
}

export function showDefaults(context: Context, { group, option }: Which): Config {
  demand(context, 'identity:get_domain_config_default');
  demandKnown({ ...(group === undefined ? {} : { group }), ...(option === undefined ? {} : { option }) });
  const groups = group === undefined ? Object.keys(known) : [group];
  return Object.fromEntries(
    groups.map((name) => {
      const { options, secret, defaults } = known[name]!;
      const shown = options.filter((each) => !secret.includes(each) && (option === undefined || each === option));
      if (shown.length === 0) throw invalidConfig(`Reading the default for option ${option} in group ${name} is not supported`);
      return [name, Object.fromEntries(shown.map((each) => [each, (defaults[each] ?? null) as Value]))];
    }),
  );
}

/** True: there was nothing before. */
export async function createConfig(context: Context, vault: Vault, domainId: string, config: Config): Promise<{ config: Config; isNew: boolean }> {
  const { tx } = context;
  demand(context, 'identity:create_domain_config');
  if (!(await lockDomain(tx, domainId))) throw couldNotFind('domain', domainId);
  const given = optionsOf(config);
  const isNew = (await listDomainOptions(tx, domainId)).length === 0;
  await deleteDomainOptions(tx, domainId, {});
  await demandPossible(tx, domainId, given);
  for (const each of given) await storeOption(tx, vault, domainId, each);
  return { config: await configOf(tx, domainId, {}), isNew };
}

export async function updateConfig(context: Context, vault: Vault, domainId: string, config: Config, which: Which): Promise<Config> {
  const { tx } = context;
  demand(context, 'identity:update_domain_config');
  if (!(await lockDomain(tx, domainId))) throw couldNotFind('domain', domainId);
  const given = optionsOf(config);
  demandKnown(which);
  if (which.group !== undefined) {
    if (given.some(({ group }) => group !== which.group)) throw invalidConfig(`Trying to update group ${which.group}, so that, and only that, group must be specified in the config`);
    if (which.option !== undefined && (given.length !== 1 || given[0]!.option !== which.option)) throw invalidConfig(`Trying to update option ${which.option} in group ${which.group}, so that, and only that, option must be specified in the config`);
    if (!(await isConfigured(tx, domainId, which))) throw configNotFound(domainId, which);
  }
  await demandPossible(tx, domainId, given);
  for (const each of given) await storeOption(tx, vault, domainId, each);
  return configOf(tx, domainId, {});
}

export async function deleteConfig(context: Context, domainId: string, which: Which): Promise<void> {
  const { tx } = context;
  demand(context, 'identity:delete_domain_config');
  if (!(await lockDomain(tx, domainId))) throw couldNotFind('domain', domainId);
  demandKnown(which);
  if (which.group !== undefined && !(await isConfigured(tx, domainId, which))) throw configNotFound(domainId, which);
  await deleteDomainOptions(tx, domainId, which);
}

async function isConfigured(tx: Context['tx'], domainId: string, { group, option }: Which): Promise<boolean> {
  return (await listDomainOptions(tx, domainId, group)).some((each) => option === undefined || each.option === option);
}

/** Without what is secret. */
async function configOf(tx: Context['tx'], domainId: string, { group, option }: Which): Promise<Config> {
  const config: Config = {};
  for (const each of await listDomainOptions(tx, domainId, group)) {
    if (known[each.group]?.secret.includes(each.option) || (option !== undefined && each.option !== option)) continue;
    (config[each.group] ??= {})[each.option] = each.value as Value;
  }
  return config;
}

/** How limits are enforced is one for the cloud, and two levels are no place for three. */
async function demandPossible(tx: Context['tx'], domainId: string, given: readonly DomainOption[]): Promise<void> {
  const model = given.find(({ group }) => group === limitGroup);
  if (!model) return;
  if (domainId !== defaultDomainId) throw invalidConfig(`Group ${limitGroup} is not supported for domain specific configurations, but for the default domain, and so for the cloud`);
  const deep = model.value === 'flat' ? undefined : (await listProjects(tx, [sql`parent_id is not null`], 1))[0];
  if (deep) throw invalidConfig(`The project ${deep.id} lies below another one, and strict_two_level has no place for it`);
}

function optionsOf(config: Config): DomainOption[] {
  const given = Object.entries(config).flatMap(([group, options]) => {
    if (typeof options !== 'object' || options === null || Object.keys(options).length === 0) throw invalidConfig(`The value of group ${group} specified in the config should be a dictionary of options`);
    return Object.entries(options).map(([option, value]) => {
      demandKnown({ group, option });
      known[group]!.demand(option, value);
      return { group, option, value };
    });
  });
  if (given.length === 0) throw invalidConfig('No options specified');
  return given;
}

function demandKnown({ group, option }: Which): void {
  if (group === undefined) return;
  const found = Object.hasOwn(known, group) ? known[group] : undefined;
  if (!found) throw invalidConfig(`Group ${group} is not supported for domain specific configurations`);
  if (option !== undefined && !found.options.includes(option)) throw invalidConfig(`Option ${option} in group ${group} is not supported for domain specific configurations`);
}

const invalidConfig = (reason: string) => forbidden(`Invalid domain specific configuration: ${reason}.`, 'InvalidDomainConfig');

function configNotFound(domainId: string, { group, option }: Which) {
  const what = option !== undefined ? `option ${option} in group ${group}` : group !== undefined ? `group ${group}` : 'any options';
  return notFound(`Could not find ${what} in domain configuration for domain ${domainId}.`, 'DomainConfigNotFound');
}
