/** Where the users of a domain are when they are in an LDAP server: keystone/conf/ldap.py, by its names. Only what is obeyed is taken. */
import { invalid } from './refusals.ts';

type Kind = 'text' | 'flag' | 'count' | 'url' | 'scope';

const kinds: Readonly<Record<string, Kind>> = {
  url: 'url',
  user: 'text',
  password: 'text',
  suffix: 'text',
  query_scope: 'scope',
  page_size: 'count',
  connection_timeout: 'count',
  use_tls: 'flag',
  tls_cacertfile: 'text',
  user_tree_dn: 'text',
  user_filter: 'text',
  user_objectclass: 'text',
  user_id_attribute: 'text',
  user_name_attribute: 'text',
  user_mail_attribute: 'text',
  user_description_attribute: 'text',
  user_enabled_attribute: 'text',
  user_enabled_invert: 'flag',
  user_enabled_mask: 'count',
  user_enabled_default: 'text',
  group_tree_dn: 'text',
  group_filter: 'text',
  group_objectclass: 'text',
  group_id_attribute: 'text',
  group_name_attribute: 'text',
  group_member_attribute: 'text',
  group_desc_attribute: 'text',
  group_members_are_ids: 'flag',
};

export const serverDefaults: Readonly<Record<string, unknown>> = {
  url: 'ldap://localhost',
  user: null,
  suffix: 'cn=example,cn=com',
  query_scope: 'one',
  page_size: 0,
  connection_timeout: 10,
  use_tls: false,
  tls_cacertfile: null,
  user_tree_dn: null,
  user_filter: null,
  user_objectclass: 'inetOrgPerson',
  user_id_attribute: 'cn',
  user_name_attribute: 'sn',
  user_mail_attribute: 'mail',
  user_description_attribute: 'description',
  user_enabled_attribute: 'enabled',
  user_enabled_invert: false,
  user_enabled_mask: 0,
  user_enabled_default: 'True',
  group_tree_dn: null,
  group_filter: null,
  group_objectclass: 'groupOfNames',
  group_id_attribute: 'cn',
  group_name_attribute: 'ou',
  group_member_attribute: 'member',
  group_desc_attribute: 'description',
  group_members_are_ids: false,
};

export const serverOptions: readonly string[] = Object.keys(kinds);
/** Shown to nobody. */
export const secretServerOptions: readonly string[] = ['password'];

export function demandServerOption(option: string, value: unknown): void {
  if (value === null) return;
  const wrong = (must: string) => invalid(`Invalid input for field 'ldap.${option}': it must be ${must}`);
  switch (kinds[option]) {
    case undefined:
      throw invalid(`Invalid input for field 'ldap': there is no option ${option}`);
    case 'flag':
      if (typeof value !== 'boolean') throw wrong('true or false');
      return;
    case 'count':
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > 0x7fff_ffff) throw wrong('a whole number');
      return;
    case 'scope':
      if (value !== 'one' && value !== 'sub') throw wrong('one or sub');
      return;
    case 'url':
// keystone keeps any address; one that is none of a directory server is one that does not answer.
      if (typeof value !== 'string' || !/^[a-z]+:\/\/[^\s]+$/.test(value)) throw wrong('an address such as ldap://ldap.example, or several with commas between');
      return;
    case 'text':
      // A number is written so by clients that read it from a file.
      if (typeof value !== 'string' && typeof value !== 'number') throw wrong('text');
      return;
  }
}
