/**
 * The users and groups of a domain that is kept in an LDAP server. Only ever read; every question has a timeout, and
 * what the server cannot answer is no answer, so that nobody gets in by it. keystone/identity/backends/ldap
 */
import { readFileSync } from 'node:fs';
import { AndFilter, Client, EqualityFilter, FilterParser, InvalidCredentialsError, type Entry, type Filter } from 'ldapts';
import { serverDefaults } from './directory-server-options.ts';

export type ServerUser = { localId: string; dn: string; name: string; email: string | null; description: string | null; enabled: boolean };
export type ServerGroup = { localId: string; name: string; description: string | null; /** Ids or distinguished names of users, as the options say. */ members: string[] };

export type DirectoryServer = {
  listUsers(): Promise<ServerUser[]>;
  listGroups(): Promise<ServerGroup[]>;
  findUser(localId: string): Promise<ServerUser | undefined>;
  isPasswordOf(dn: string, password: string): Promise<boolean>;
  /** What groups name their members by. */
  membersAreIds: boolean;
};

/** The server does not answer, or not as it is described. */
export class DirectoryServerError extends Error {
  override name = 'DirectoryServerError';
}

const answersWithinMs = 10_000;
const pageSize = 500;

export function createDirectoryServer(given: Record<string, unknown>): DirectoryServer {
  const options = { ...serverDefaults, ...given };
  const text = (name: string): string | null => (options[name] == null ? null : String(options[name] as string));
  const demanded = (name: string): string => text(name) ?? '';
  const timeoutMs = Math.min(Number(options['connection_timeout'] ?? 0) * 1000 || answersWithinMs, answersWithinMs);
  const scope = options['query_scope'] === 'sub' ? 'sub' : 'one';
  const tls = options['tls_cacertfile'] == null ? {} : { ca: [readFileSync(demanded('tls_cacertfile'))] };
  // The first that answers: keystone's list has commas.
  const urls = demanded('url').split(',');

  async function withServer<T>(work: (client: Client) => Promise<T>, who: { dn: string; password: string } | null = bindAs()): Promise<T> {
    let last: unknown;
    for (const url of urls) {
      let client: Client | undefined;
      try {
        client = new Client({ url: url.replace(/\/$/, ''), timeout: timeoutMs, connectTimeout: timeoutMs, ...(url.startsWith('ldaps:') ? { tlsOptions: tls } : {}) });
        if (options['use_tls'] === true) await client.startTLS(tls);
        if (who) await client.bind(who.dn, who.password);
        return await work(client);
      } catch (error) {
        if (error instanceof InvalidCredentialsError) throw error;
        last = error;
      } finally {
        await client?.unbind().catch(ignoreGone);
      }
    }
    throw new DirectoryServerError(`The directory server ${urls.join(', ')} does not answer as it should`, { cause: last });
  }

  function bindAs(): { dn: string; password: string } | null {
    const dn = text('user');
    return dn === null ? null : { dn, password: demanded('password') };
  }

  function search(kind: 'user' | 'group', more: Filter[] = []): Promise<Entry[]> {
    const own = text(`${kind}_filter`);
    const filter = new AndFilter({ filters: [new EqualityFilter({ attribute: 'objectClass', value: demanded(`${kind}_objectclass`) }), ...(own === null ? [] : [FilterParser.parseString(own)]), ...more] });
    const base = text(`${kind}_tree_dn`) ?? `ou=${kind === 'user' ? 'Users' : 'UserGroups'},${demanded('suffix')}`;
    return withServer(async (client) => (await client.search(base, { scope, filter, paged: { pageSize: Number(options['page_size']) || pageSize } })).searchEntries);
  }

  function asUser(entry: Entry): ServerUser[] {
    const [localId, name] = [first(entry, demanded('user_id_attribute')), first(entry, demanded('user_name_attribute'))];
    // Who has no id or name there cannot be anybody here.
    if (localId === undefined || name === undefined) return [];
    return [
      { localId, dn: entry.dn, name, email: first(entry, demanded('user_mail_attribute')) ?? null, description: first(entry, demanded('user_description_attribute')) ?? null, enabled: isEnabled(first(entry, demanded('user_enabled_attribute')), options) },
    ];
  }

  return {
    membersAreIds: options['group_members_are_ids'] === true,
    listUsers: async () => (await search('user')).flatMap(asUser),
    async listGroups() {
      return (await search('group')).flatMap((entry) => {
        const [localId, name] = [first(entry, demanded('group_id_attribute')), first(entry, demanded('group_name_attribute'))];
        if (localId === undefined || name === undefined) return [];
        return [{ localId, name, description: first(entry, demanded('group_desc_attribute')) ?? null, members: all(entry, demanded('group_member_attribute')) }];
      });
    },
    async findUser(localId) {
      const found = await search('user', [new EqualityFilter({ attribute: demanded('user_id_attribute'), value: localId })]);
      // Two of one id are nobody.
      return found.length === 1 ? asUser(found[0]!)[0] : undefined;
    },
    async isPasswordOf(dn, password) {
      // A bind without a password succeeds as nobody (RFC 4513, 5.1.2).
      if (password === '' || dn === '') return false;
      try {
        await withServer(() => Promise.resolve(), { dn, password });
        return true;
      } catch (error) {
        if (error instanceof InvalidCredentialsError) return false;
        throw error;
      }
    },
  };
}

/** keystone/identity/backends/ldap/core.py, UserApi: what is not plainly enabled is not. */
export function isEnabled(value: string | undefined, options: Record<string, unknown>): boolean {
  const mask = Number(options['user_enabled_mask'] ?? 0);
  const inverted = options['user_enabled_invert'] === true;
  const known = value ?? String((options['user_enabled_default'] as string | number | null) ?? '');
  if (mask !== 0) return /^-?\d+$/.test(known) && (Number(known) & mask) !== mask;
  const flag = /^true$/i.test(known) ? true : /^false$/i.test(known) ? false : undefined;
  if (flag === undefined) return false;
  // Without the attribute the default says whether one is enabled, not what the attribute would be.
  return inverted && value !== undefined ? !flag : flag;
}

function all(entry: Entry, attribute: string): string[] {
  const key = Object.keys(entry).find((each) => each.toLowerCase() === attribute.toLowerCase());
  const value = key === undefined ? [] : entry[key]!;
  return (Array.isArray(value) ? value : [value]).map((each) => (Buffer.isBuffer(each) ? each.toString('utf8') : String(each)));
}

function first(entry: Entry, attribute: string): string | undefined {
  return all(entry, attribute).find((each) => each !== '');
}

/** The connection was lost before it was closed. */
function ignoreGone(): void {}
