/** Identity v3, as keystone answers it too. */
import { atOnce, nameOf, noun, pick, type Ask, type BareRoute, type Case, type Ground, type Suite } from '../cases.ts';
import type { Endpoint, Reply } from '../endpoint.ts';

export const password = 'Correct-horse-battery-5';
const few = 20;
const many = 1_000;
const newcomers = 24;

const issue = (identity: object, scope?: object): Ask => ({ method: 'POST', path: '/auth/tokens', body: { auth: { identity, ...(scope ? { scope } : {}) } } });
const byPassword = (ground: Ground, userId: string): Ask => issue({ methods: ['password'], password: { user: { id: userId, password } } }, { project: { id: pick(ground, 'place') } });
const subject = (method: string, ground: Ground, noun: string, index: number): Ask => ({ method, path: '/auth/tokens', headers: { 'x-subject-token': pick(ground, noun, index) } });
const issued = ({ headers }: Reply) => String(headers['x-subject-token']);
const inDomain = (ground: Ground, domain: string) => `?domain_id=${pick(ground, domain)}`;
const grant = (ground: Ground, index: number) => `/projects/${pick(ground, 'place')}/users/${pick(ground, 'user', index)}/roles`;
const member = (ground: Ground, index: number) => `/groups/${pick(ground, 'club')}/users/${pick(ground, 'user', index)}`;

const tokens: Case[] = [
  { name: 'token issue by password', kind: 'write', ask: (ground, index) => byPassword(ground, pick(ground, 'person', index)) },
  { name: 'token issue by password, each user once', kind: 'write', each: 'newcomer', isSlowByDesign: true, ask: (ground, index) => byPassword(ground, pick(ground, 'newcomer', index)) },
  { name: 'token issue by application credential', kind: 'write', ask: (ground) => issue({ methods: ['application_credential'], application_credential: { id: pick(ground, 'credential'), secret: pick(ground, 'secret') } }) },
  { name: 'token issue by token', kind: 'write', ask: (ground) => issue({ methods: ['token'], token: { id: pick(ground, 'own token') } }, { project: { id: pick(ground, 'own project') } }), makes: { noun: 'token', idOf: issued } },
  { name: 'token validate', kind: 'read', ask: (ground, index) => subject('GET', ground, 'token', index) },
  { name: 'token check', kind: 'read', ask: (ground, index) => subject('HEAD', ground, 'token', index) },
  { name: 'token revoke', kind: 'write', takes: 'token', ask: (ground, index) => subject('DELETE', ground, 'token', index) },
  { name: 'catalog', kind: 'read', ask: () => ({ method: 'GET', path: '/auth/catalog' }) },
  { name: 'projects of the caller', kind: 'read', ask: () => ({ method: 'GET', path: '/auth/projects' }) },
];

const aboutUsers: Case[] = [
  { name: `user list, ${many}`, kind: 'read', ask: (ground) => ({ method: 'GET', path: `/users${inDomain(ground, 'big domain')}` }) },
  { name: 'user list, by name', kind: 'read', ask: (ground) => ({ method: 'GET', path: `/users?domain_id=${pick(ground, 'domain of few')}&name=${pick(ground, 'known name')}` }) },
  { name: 'role assignment add', kind: 'write', each: 'user', ask: (ground, index) => ({ method: 'PUT', path: `${grant(ground, index)}/${pick(ground, 'duty')}` }) },
  { name: 'role assignment check', kind: 'read', ask: (ground, index) => ({ method: 'HEAD', path: `${grant(ground, index)}/${pick(ground, 'duty')}` }) },
  { name: 'role assignments of a user in a project', kind: 'read', ask: (ground, index) => ({ method: 'GET', path: grant(ground, index) }) },
  { name: 'role assignments of a user', kind: 'read', ask: (ground, index) => ({ method: 'GET', path: `/role_assignments?user.id=${pick(ground, 'user', index)}` }) },
  { name: 'role assignments of a user, effective', kind: 'read', ask: (ground, index) => ({ method: 'GET', path: `/role_assignments?user.id=${pick(ground, 'user', index)}&effective&include_names` }) },
  { name: 'projects of a user', kind: 'read', ask: (ground, index) => ({ method: 'GET', path: `/users/${pick(ground, 'user', index)}/projects` }) },
  { name: 'role assignment remove', kind: 'write', each: 'user', ask: (ground, index) => ({ method: 'DELETE', path: `${grant(ground, index)}/${pick(ground, 'duty')}` }) },
  { name: 'group member add', kind: 'write', each: 'user', ask: (ground, index) => ({ method: 'PUT', path: member(ground, index) }) },
  { name: 'group member check', kind: 'read', ask: (ground, index) => ({ method: 'HEAD', path: member(ground, index) }) },
  { name: 'groups of a user', kind: 'read', ask: (ground, index) => ({ method: 'GET', path: `/users/${pick(ground, 'user', index)}/groups` }) },
  { name: 'group member remove', kind: 'write', each: 'user', ask: (ground, index) => ({ method: 'DELETE', path: member(ground, index) }) },
];

const listOfFew = { of: String(few), query: (ground: Ground) => inDomain(ground, 'domain of few') };
const change = (index: number) => ({ description: `changed ${index}` });

const userColumns = 'id, domain_id, name, default_project_id, description, email, enabled, options, extra, password_expires_at';
const byId = (path: string, table: string, columns: string): BareRoute => ({ path, query: `select ${columns} from ${table} where id = $1`, parameter: ({ params }) => params['id']! });
const ofDomain: BareRoute = { path: '/users', query: `select ${userColumns} from identity."user" where domain_id = $1 order by id limit 10001`, parameter: ({ query }) => query['domain_id']!, isList: true };

/** Users, two hundred of them in each of the domains; a role for each in a project, by groups for half of them. */
const fill = [
  `insert into identity.domain (id, name, enabled) select 'fill-domain-' || n, 'fill-domain-' || n, true from generate_series(1, 500) n`,
  `insert into identity.project (id, domain_id, name, enabled) select 'fill-project-' || n, 'fill-domain-' || (n % 500 + 1), 'fill-project-' || n, true from generate_series(1, 10000) n`,
  `insert into identity."user" (id, domain_id, name, enabled, password_hash, created_at) select 'fill-user-' || n, 'fill-domain-' || (n % 500 + 1), 'fill-user-' || n, true, '$argon2id$v=19$m=12288,t=3,p=1$AAAA$AAAA', now() from generate_series(1, 100000) n`,
  `insert into identity."group" (id, domain_id, name) select 'fill-group-' || n, 'fill-domain-' || (n % 500 + 1), 'fill-group-' || n from generate_series(1, 5000) n`,
  `insert into identity.membership (group_id, user_id) select 'fill-group-' || (n % 5000 + 1), 'fill-user-' || n from generate_series(1, 50000) n`,
  `insert into identity.role_grant (role_id, user_id, project_id) select r.id, 'fill-user-' || n, 'fill-project-' || (n % 10000 + 1) from generate_series(50001, 100000) n, identity.role r where r.name = 'member' and r.domain_id is null`,
  `insert into identity.role_grant (role_id, group_id, project_id) select r.id, 'fill-group-' || n, 'fill-project-' || (n % 10000 + 1) from generate_series(1, 5000) n, identity.role r where r.name = 'member' and r.domain_id is null`,
  `insert into identity.role_grant (role_id, user_id, project_id) select r.id, u.id, 'fill-project-' || n from generate_series(1, 10000) n, identity.role r, identity."user" u where r.name = 'admin' and r.domain_id is null and u.name = 'admin' and u.domain_id = 'default' and n <= 10`,
];

export const identity: Suite = {
  service: 'identity',
  database: 'intercloud_home',
  prepare,
  reads: [
    { name: 'user show', kind: 'read', ask: (ground) => ({ method: 'GET', path: `/users/${pick(ground, 'own user')}` }), bare: byId('/users/:id', 'identity."user"', userColumns) },
    { name: 'project show', kind: 'read', ask: (ground) => ({ method: 'GET', path: `/projects/${pick(ground, 'own project')}` }), bare: byId('/projects/:id', 'identity.project', 'id, domain_id, parent_id, name, description, enabled, tags, options, extra') },
    { name: 'token validate', kind: 'read', ask: (ground) => subject('GET', ground, 'own token', 0), bare: { path: '/auth/tokens', query: `select ${userColumns} from identity."user" where name = $1 and domain_id = 'default'`, parameter: () => 'admin' } },
    { name: `user list, ${few}`, kind: 'read', ask: (ground) => ({ method: 'GET', path: `/users${inDomain(ground, 'domain of few')}` }), bare: ofDomain },
    { name: `user list, ${many}`, kind: 'read', ask: (ground) => ({ method: 'GET', path: `/users${inDomain(ground, 'big domain')}` }), bare: ofDomain },
  ],
  fill,
  cases: [
    ...tokens,
    ...noun({ noun: 'user', path: '/users', key: 'user', wish: (ground, index) => ({ name: nameOf('user', index), domain_id: pick(ground, 'domain of mine') }), change, list: listOfFew, more: aboutUsers }),
    ...noun({ noun: 'project', path: '/projects', key: 'project', wish: (ground, index) => ({ name: nameOf('project', index), domain_id: pick(ground, 'domain of mine') }), change, list: listOfFew }),
    ...noun({ noun: 'group', path: '/groups', key: 'group', wish: (ground, index) => ({ name: nameOf('group', index), domain_id: pick(ground, 'domain of mine') }), change, list: listOfFew }),
    ...noun({ noun: 'role', path: '/roles', key: 'role', wish: (ground, index) => ({ name: nameOf('role', index), domain_id: pick(ground, 'domain of mine') }), change, list: listOfFew }),
    // One that is not disabled cannot be deleted.
    ...noun({ noun: 'domain', path: '/domains', key: 'domain', wish: (_, index) => ({ name: nameOf('domain', index) }), change: () => ({ enabled: false }), list: { of: 'by name', query: () => '?name=Default' } }),
    ...noun({ noun: 'region', path: '/regions', key: 'region', wish: (_, index) => ({ id: nameOf('region', index) }), change, list: { of: 'below one', query: (ground) => `?parent_region_id=${pick(ground, 'big region')}` } }),
    ...noun({ noun: 'service', path: '/services', key: 'service', wish: (_, index) => ({ name: nameOf('service', index), type: `bench-${index}` }), change, list: { of: 'by type', query: () => '?type=identity' } }),
  ],
  clear,
};

async function prepare({ ask, token }: Endpoint): Promise<Ground> {
  const make = async (path: string, key: string, wish: object) => (await ask<Record<string, { id: string; secret?: string }>>('identity', 'POST', path, { [key]: wish })).body[key]!;
  const domain = async (kind: string) => (await make('/domains', 'domain', { name: nameOf(kind, 0) })).id;
  const ground: Ground = { 'domain of mine': [await domain('mine')], 'domain of few': [await domain('few')], 'big domain': [await domain('many')], 'own token': [token] };
  const [mine, small, big] = [pick(ground, 'domain of mine'), pick(ground, 'domain of few'), pick(ground, 'big domain')];
  const keep = async (noun: string, times: number, made: (index: number) => Promise<string>) => atOnce(times, 8, async (index) => (ground[noun] ??= []).push(await made(index)));

  await keep('known name', few, async (index) => {
    const name = nameOf('known', index);
    await Promise.all([make('/users', 'user', { name, domain_id: small }), make('/projects', 'project', { name, domain_id: small }), make('/groups', 'group', { name, domain_id: small }), make('/roles', 'role', { name, domain_id: small })]);
    return name;
  });
  await atOnce(many, 8, (index) => make('/users', 'user', { name: nameOf('many', index), domain_id: big }));
  await keep('place', 1, async () => (await make('/projects', 'project', { name: nameOf('place', 0), domain_id: mine })).id);
  await keep('club', 1, async () => (await make('/groups', 'group', { name: nameOf('club', 0), domain_id: mine })).id);
  await keep('duty', 1, async () => (await make('/roles', 'role', { name: nameOf('duty', 0) })).id);
  await keep('big region', 1, async () => (await make('/regions', 'region', { id: nameOf('parent', 0) })).id);
  const person = async (index: number) => {
    const { id } = await make('/users', 'user', { name: nameOf('person', index), domain_id: mine, password });
    await ask('identity', 'PUT', `/projects/${pick(ground, 'place')}/users/${id}/roles/${pick(ground, 'duty')}`);
    return id;
  };
  await keep('person', 4, person);
  await keep('newcomer', newcomers, person);

  const { body } = await ask<{ token: { user: { id: string }; project: { id: string } } }>('identity', 'GET', '/auth/tokens', undefined, { 'x-subject-token': token });
  const [user, project] = [body.token.user.id, body.token.project.id];
  const credential = await make(`/users/${user}/application_credentials`, 'application_credential', { name: nameOf('credential', 0) });
  return { ...ground, 'own user': [user], 'own project': [project], credential: [credential.id], secret: [credential.secret!] };
}

/** With a domain goes all that is in it. */
async function clear({ ask }: Endpoint, ground: Ground): Promise<void> {
  await ask('identity', 'DELETE', `/users/${pick(ground, 'own user')}/application_credentials/${pick(ground, 'credential')}`);
  for (const name of ['domain of mine', 'domain of few', 'big domain']) {
    await ask('identity', 'PATCH', `/domains/${pick(ground, name)}`, { domain: { enabled: false } });
    await ask('identity', 'DELETE', `/domains/${pick(ground, name)}`);
  }
  await ask('identity', 'DELETE', `/roles/${pick(ground, 'duty')}`);
  await ask('identity', 'DELETE', `/regions/${pick(ground, 'big region')}`);
}
