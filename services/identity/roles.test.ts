import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityFixture, type IdentityFixture } from './fixture.ts';

test('a role implies another in tokens issued afterwards, and no more when the rule is gone', async (t) => {
  const { ask, admin, make, person, role, loginAs } = await identityFixture(t);
  const [boss, helper] = [await make('/roles', { role: { name: 'boss' } }), await make('/roles', { role: { name: 'helper' } })];
  const eve = await person('eve', 'boss');
  const rule = `/roles/${boss.id}/implies/${helper.id}`;

  const made = await ask('PUT', rule, { token: admin });
  assert.equal(made.status, 201);
  assert.deepEqual([made.body.role_inference.prior_role.name, made.body.role_inference.implies.name], ['boss', 'helper']);
  assert.equal((await ask('PUT', rule, { token: admin })).status, 409);
  assert.equal((await ask('HEAD', rule, { token: admin })).status, 204);
  assert.deepEqual((await ask('GET', rule, { token: admin })).body, made.body);
  const token = await loginAs('eve', eve.password, 'eve');
  const names = async (subject: string) => (await ask('GET', '/auth/tokens', { token: admin, headers: { 'x-subject-token': subject } })).body.token.roles.map((each: { name: string }) => each.name);
  assert.deepEqual(await names(token), ['boss', 'helper']);

  assert.equal((await ask('DELETE', rule, { token: admin })).status, 204);

  assert.equal((await ask('GET', rule, { token: admin })).status, 404);
  assert.equal((await ask('GET', '/auth/projects', { token })).status, 401);
  assert.deepEqual(await names(await loginAs('eve', eve.password, 'eve')), ['boss']);
  assert.equal((await ask('DELETE', rule, { token: admin })).status, 404);
  assert.equal((await ask('PUT', `/roles/${boss.id}/implies/${await role('admin')}`, { token: admin })).status, 403);
  assert.equal((await ask('PUT', `/roles/${boss.id}/implies/nothing`, { token: admin })).status, 404);
});

test('a role of a domain is in no token, and what it implies is; it is granted in that domain only', async (t) => {
  const { ask, admin, make, role, login } = await identityFixture(t);
  const { id: domainId } = await make('/domains', { domain: { name: 'acme' } });
  const special = await make('/roles', { role: { name: 'special', domain_id: domainId } });
  const inside = await make('/projects', { project: { name: 'inside', domain_id: domainId } });
  const outside = await make('/projects', { project: { name: 'outside', domain_id: 'default' } });
  const user = await make('/users', { user: { name: 'u', domain_id: domainId, password: 'secret' } });
  const enter = () => login({ methods: ['password'], password: { user: { id: user.id, password: 'secret' } } }, { project: { id: inside.id } });

  assert.equal((await ask('PUT', `/projects/${outside.id}/users/${user.id}/roles/${special.id}`, { token: admin })).status, 403);
  assert.equal((await ask('PUT', `/system/users/${user.id}/roles/${special.id}`, { token: admin })).status, 400);
  assert.equal((await ask('PUT', `/roles/${await role('reader')}/implies/${special.id}`, { token: admin })).status, 403);
  assert.equal((await ask('PUT', `/projects/${inside.id}/users/${user.id}/roles/${special.id}`, { token: admin })).status, 204);
  await assert.rejects(enter());
  assert.equal((await ask('PUT', `/roles/${special.id}/implies/${await role('reader')}`, { token: admin })).status, 201);

  const token = await enter();
  const { body } = await ask('GET', '/auth/tokens', { token, headers: { 'x-subject-token': token } });
  assert.deepEqual(body.token.roles.map((each: { name: string }) => each.name), ['reader']);
  assert.equal((await ask('DELETE', `/roles/${special.id}/implies/${await role('reader')}`, { token: admin })).status, 204);
  assert.equal((await ask('GET', '/auth/projects', { token })).status, 401);
});

test('a role that a domain hands down counts in every project of it, and in the domain itself not', async (t) => {
  const { ask, admin, make, role, login } = await identityFixture(t);
  const tree = await treeOf(make);
  const grant = `/OS-INHERIT/domains/${tree.domain}/users/${tree.user}/roles/${await role('member')}/inherited_to_projects`;

  assert.equal((await ask('PUT', grant, { token: admin })).status, 204);

  assert.equal((await ask('HEAD', grant, { token: admin })).status, 204);
  const listed = await ask('GET', `/OS-INHERIT/domains/${tree.domain}/users/${tree.user}/roles/inherited_to_projects`, { token: admin });
  assert.deepEqual(listed.body.roles.map((each: { name: string }) => each.name), ['member']);
  assert.deepEqual((await ask('GET', `/domains/${tree.domain}/users/${tree.user}/roles`, { token: admin })).body.roles, []);
  const token = await login(tree.password, { project: { id: tree.grandchild } });
  await assert.rejects(login(tree.password, { domain: { id: tree.domain } }));
  const mine = (await ask('GET', '/auth/projects', { token })).body.projects.map((each: { name: string }) => each.name);
  assert.deepEqual(mine.toSorted(), ['child', 'grandchild', 'top']);
  assert.equal((await ask('DELETE', grant, { token: admin })).status, 204);
  assert.equal((await ask('GET', '/auth/projects', { token })).status, 401);
  await assert.rejects(login(tree.password, { project: { id: tree.grandchild } }));
  assert.equal((await ask('DELETE', grant, { token: admin })).status, 404);
});

test('a role that a project hands down counts below it, also for the members of a group', async (t) => {
  const { ask, admin, make, role, login } = await identityFixture(t);
  const tree = await treeOf(make);
  const group = await make('/groups', { group: { name: 'crew', domain_id: tree.domain } });
  await ask('PUT', `/groups/${group.id}/users/${tree.user}`, { token: admin });

  assert.equal((await ask('PUT', `/OS-INHERIT/projects/${tree.top}/groups/${group.id}/roles/${await role('member')}/inherited_to_projects`, { token: admin })).status, 204);

  await assert.rejects(login(tree.password, { project: { id: tree.top } }));
  const token = await login(tree.password, { project: { id: tree.grandchild } });
  assert.equal((await ask('DELETE', `/groups/${group.id}/users/${tree.user}`, { token: admin })).status, 204);
  assert.equal((await ask('GET', '/auth/projects', { token })).status, 401);
});

test('the list of assignments tells where each came from', async (t) => {
  const { ask, admin, make, role } = await identityFixture(t);
  const tree = await treeOf(make);
  const group = await make('/groups', { group: { name: 'crew', domain_id: tree.domain } });
  await ask('PUT', `/groups/${group.id}/users/${tree.user}`, { token: admin });
  await ask('PUT', `/OS-INHERIT/projects/${tree.top}/groups/${group.id}/roles/${await role('member')}/inherited_to_projects`, { token: admin });
  await ask('PUT', `/projects/${tree.top}/users/${tree.user}/roles/${await role('reader')}`, { token: admin });
  const list = async (query: string) => (await ask('GET', `/role_assignments?${query}`, { token: admin })).body.role_assignments;

  const direct = await list(`group.id=${group.id}`);
  assert.deepEqual(direct.map(({ scope, links }: { scope: object; links: object }) => ({ scope, links })), [
    { scope: { project: { id: tree.top }, 'OS-INHERIT:inherited_to': 'projects' }, links: { assignment: `http://cloud.test/identity/v3/OS-INHERIT/projects/${tree.top}/groups/${group.id}/roles/${await role('member')}/inherited_to_projects` } },
  ]);
  const effective = await list(`effective&user.id=${tree.user}`);
  const seen = effective.map((each: { scope: { project: { id: string } }; role: { id: string } }) => `${each.scope.project.id} ${each.role.id}`).toSorted();
  const [member, reader] = [await role('member'), await role('reader')];
  assert.deepEqual(seen, [`${tree.top} ${reader}`, ...[tree.child, tree.grandchild].flatMap((id) => [`${id} ${member}`, `${id} ${reader}`])].toSorted());
  const implied = effective.find((each: { scope: { project: { id: string } }; role: { id: string } }) => each.scope.project.id === tree.child && each.role.id === reader);
  assert.equal(implied.links.membership, `http://cloud.test/identity/v3/groups/${group.id}/users/${tree.user}`);
  assert.match(implied.links.prior_role, new RegExp(`/roles/${member}/implies/${reader}$`));
  assert.equal((await list(`effective&user.id=${tree.user}&role.id=${reader}`)).length, 3);
  assert.equal((await list(`effective&scope.project.id=${tree.child}`)).length, 2);
  assert.equal((await list(`scope.project.id=${tree.top}&include_subtree`)).length, 2);
  assert.equal((await list(`scope.project.id=${tree.top}&include_subtree&effective`)).length, 5);
  assert.equal((await list(`user.id=${tree.user}&scope.OS-INHERIT:inherited_to=projects`)).length, 0);
  assert.equal((await list(`group.id=${group.id}&scope.OS-INHERIT:inherited_to=projects`)).length, 1);
  assert.equal((await list(`include_names&group.id=${group.id}`))[0].scope.project.name, 'top');
  for (const wrong of ['effective&group.id=x', 'scope.project.id=x&scope.domain.id=y', 'scope.system=all&scope.domain.id=y', 'user.id=x&group.id=y', 'include_subtree', 'effective&scope.domain.id=x&scope.OS-INHERIT:inherited_to=projects'])
    assert.equal((await ask('GET', `/role_assignments?${wrong}`, { token: admin })).status, 400, wrong);
});

test('a manager of a domain manages its users, groups, projects and lesser roles, and nothing outside it', async (t) => {
  const { ask, admin, make, role, login } = await identityFixture(t);
  const tree = await treeOf(make);
  assert.equal((await ask('PUT', `/domains/${tree.domain}/users/${tree.user}/roles/${await role('manager')}`, { token: admin })).status, 204);
  const token = await login(tree.password, { domain: { id: tree.domain } });
  const as = (method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: object) => ask(method, path, { token, ...(body ? { body } : {}) });

  const user = (await as('POST', '/users', { user: { name: 'new' } })).body.user;
  const group = (await as('POST', '/groups', { group: { name: 'team' } })).body.group;
  const project = (await as('POST', '/projects', { project: { name: 'work' } })).body.project;
  assert.deepEqual([user.domain_id, group.domain_id, project.domain_id], [tree.domain, tree.domain, tree.domain]);
  assert.equal((await as('PATCH', `/users/${user.id}`, { user: { description: 'x' } })).status, 200);
  assert.equal((await as('PUT', `/groups/${group.id}/users/${user.id}`)).status, 204);
  assert.equal((await as('PUT', `/projects/${project.id}/users/${user.id}/roles/${await role('member')}`)).status, 204);
  assert.equal((await as('PUT', `/projects/${project.id}/tags/blue`)).status, 201);
  assert.deepEqual((await as('GET', '/users')).body.users.map((each: { name: string }) => each.name).toSorted(), ['new', 'u']);
  assert.deepEqual((await as('GET', '/domains')).body.domains.map((each: { id: string }) => each.id), [tree.domain]);
  assert.equal((await as('GET', `/roles/${await role('member')}`)).status, 200);

  const admins = (await ask('GET', '/users?name=admin', { token: admin })).body.users[0].id;
  const foreign = (await ask('GET', '/projects?name=admin', { token: admin })).body.projects[0].id;
  for (const [method, path, body] of [
    ['PUT', `/projects/${project.id}/users/${user.id}/roles/${await role('admin')}`],
    ['PUT', `/domains/${tree.domain}/users/${user.id}/roles/${await role('service')}`],
    ['PUT', `/system/users/${user.id}/roles/${await role('reader')}`],
    ['PUT', `/projects/${foreign}/users/${user.id}/roles/${await role('reader')}`],
    ['PUT', `/projects/${project.id}/users/${admins}/roles/${await role('reader')}`],
    ['POST', '/users', { user: { name: 'x', domain_id: 'default' } }],
    ['POST', '/projects', { project: { name: 'x', domain_id: 'default' } }],
    ['POST', '/domains', { domain: { name: 'x' } }],
    ['POST', '/roles', { role: { name: 'x' } }],
    ['PATCH', `/users/${admins}`, { user: { password: 'stolen' } }],
    ['DELETE', `/projects/${foreign}`],
    ['GET', `/users/${admins}`],
    ['PATCH', `/domains/${tree.domain}`, { domain: { enabled: false } }],
  ] as const)
    assert.equal((await as(method, path, body)).status, 403, `${method} ${path}`);
});

type Tree = { domain: string; top: string; child: string; grandchild: string; user: string; password: object };

/** A domain with a user, and three projects below each other. */
async function treeOf(make: IdentityFixture['make']): Promise<Tree> {
  const { id: domain } = await make('/domains', { domain: { name: 'acme' } });
  const { id: top } = await make('/projects', { project: { name: 'top', domain_id: domain } });
  const { id: child } = await make('/projects', { project: { name: 'child', parent_id: top } });
  const { id: grandchild } = await make('/projects', { project: { name: 'grandchild', parent_id: child } });
  const { id: user } = await make('/users', { user: { name: 'u', domain_id: domain, password: 'secret' } });
  return { domain, top, child, grandchild, user, password: { methods: ['password'], password: { user: { id: user, password: 'secret' } } } };
}
