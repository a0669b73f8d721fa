/** The door of users. keystone/api/users.py */
import { users as contract } from '../../contract/identity/users.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import { extraOf } from './extra.ts';
import { groupView } from './groups.api.ts';
import { listGroupsOfUser } from './groups.ts';
import { projectOf } from './grants.store.ts';
import { pageOf, rowsFor } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { domainOfCaller, projectView } from './projects.api.ts';
import { projectConditions } from './projects.ts';
import { listProjects } from './projects.store.ts';
import { notAuthenticated, passwordUsedBefore } from './refusals.ts';
import { changedOptions, changePassword, createUser, deleteUser, getUser, listUsers, updateUser, type User } from './users.ts';
import { findPasswordHash, findPreviousPasswordHash, findUser } from './users.store.ts';

// A password that is sent under its old name is none of those attributes that are shown to others.
const columns = ['id', 'name', 'domain_id', 'enabled', 'default_project_id', 'description', 'email', 'password', 'original_password', 'password_expires_at', 'options', 'links'];

export function usersDoor(parts: IdentityParts) {
  const { directory, passwords } = parts;
  return implement(contract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listUsers(request, request.query));
      return { users: items.map((user) => userView(user, request)), ...rest };
    },
    async create(request) {
      const { name, domain_id: domainId, enabled = true, default_project_id: defaultProjectId = null, description = null, email = null, password, options = {} } = request.body.user;
      const hash = password == null ? null : await passwords.hash(password);
      const user: User = {
        id: newId(parts),
        domainId: domainId ?? domainOfCaller(request.caller),
        name: name.trim(),
        defaultProjectId,
        description,
        email,
        enabled,
        options: changedOptions({}, options),
        extra: extraOf(request.body.user, columns),
      };
      return request.commit(async (tx) => {
        await createUser({ ...request, tx }, user, hash);
        await announce({ ...request, tx }, 'user', 'created', user.id);
        return { user: userView(user, request) };
      });
    },
    async show(request) {
      return { user: userView(await getUser(request, request.params.user_id), request) };
    },
    async update(request) {
      const { name, domain_id: domainId, enabled, default_project_id: defaultProjectId, description, email, password, options } = request.body.user;
      const hash = password == null ? password : await passwords.hash(password);
      const change = { ...given({ name: name?.trim(), domainId, enabled, defaultProjectId, description, email, options }), extra: extraOf(request.body.user, columns) };
      return request.commit(async (tx) => {
        const user = await updateUser({ ...request, tx }, directory, request.params.user_id, change, hash);
        await announce({ ...request, tx }, 'user', 'updated', user.id);
        return { user: userView(user, request) };
      });
    },
    async delete(request) {
      await deleteUser(request, directory, request.params.user_id);
      await announce(request, 'user', 'deleted', request.params.user_id);
    },
    async changePassword(request) {
      const { user_id: id } = request.params;
      const { original_password: original, password } = request.body.user;
      const { hash, previous } = await request.read(async (tx) => ({
        hash: (await findUser(tx, id))?.enabled ? await findPasswordHash(tx, id) : null,
        previous: await findPreviousPasswordHash(tx, id),
      }));
      if (!(await passwords.matches(original, hash)) || hash === null) throw notAuthenticated();
      if (password === original || (previous !== null && (await passwords.matches(password, previous)))) throw passwordUsedBefore();
      const next = await passwords.hash(password);
      return request.commit(async (tx) => {
        await changePassword({ ...request, tx }, directory, id, { from: hash, to: next });
        await announce({ ...request, tx }, 'user', 'updated', id);
      });
    },
    async listProjects(request) {
      const { tx, params, query } = request;
      await getUser(request, params.user_id, 'identity:list_user_projects');
      const { items, rest } = pageOf(request, await listProjects(tx, [projectOf(params.user_id), ...projectConditions(query)], rowsFor(query)));
      return { projects: items.map((project) => projectView(project, request)), ...rest };
    },
    async listGroups(request) {
      const { items, rest } = pageOf(request, await listGroupsOfUser(request, request.params.user_id, request.query));
      return { groups: items.map((group) => groupView(group, request)), ...rest };
    },
  });
}

export function userView({ id, name, domainId, enabled, defaultProjectId, description, email, options, extra }: User, { url }: { url(path: string): string }) {
  return {
    ...extra,
    id,
    name,
    domain_id: domainId,
    enabled,
    // keystone stores these among the attributes that it does not know: what was never given is not shown.
    ...(defaultProjectId === null ? {} : { default_project_id: defaultProjectId }),
    ...(description === null ? {} : { description }),
    ...(email === null ? {} : { email }),
    password_expires_at: null,
    options,
    links: { self: url(`/users/${id}`) },
  };
}
