/** What is secret of what is configured for a domain: it lies sealed, and is opened only where it is needed. */
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { secretServerOptions } from './directory-server-options.ts';
import { idOfOption, listDomainOptions, lockPlainOptions, setDomainOption, setSealedOption, type DomainOption } from './domain-options.store.ts';
import type { Vault } from './vault.ts';

const serverGroup = 'ldap';

export async function storeOption(tx: Transaction, vault: Vault, domainId: string, { group, option, value }: DomainOption): Promise<void> {
  const isSecret = group === serverGroup && secretServerOptions.includes(option) && value !== null;
  if (!isSecret) return setDomainOption(tx, domainId, { group, option, value });
  return setSealedOption(tx, domainId, { group, option }, await vault.seal(tx, 'domain_option', idOfOption(domainId, { group, option }), String(value)));
}

/** All of a group, secrets too. */
export async function openOptions(tx: Transaction, vault: Vault, domainId: string, group: string): Promise<Record<string, unknown>> {
  const opened: Record<string, unknown> = {};
  for (const { id, option, value, sealed } of await listDomainOptions(tx, domainId, group)) opened[option] = sealed ? await vault.open(tx, 'domain_option', id, sealed) : value;
  return opened;
}

/** For clouds in which they lay there as they were given. */
export async function sealPlainSecrets({ database, vault }: { database: Database; vault: Vault }): Promise<void> {
  await database.transaction({ kind: 'system', reason: 'sealing what lies plain' }, async (tx) => {
    for (const { domainId, ...plain } of await lockPlainOptions(tx, { group: serverGroup, options: secretServerOptions })) await storeOption(tx, vault, domainId, plain);
  });
}
