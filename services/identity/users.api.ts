/** The door of users. keystone/api/users.py */
import { users as contract } from '../../contract/identity/users.ts';
import { implement } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import { findDomain } from './domains.store.ts';
import { extraOf } from './extra.ts';
import { groupView } from './groups.api.ts';
import { listGroupsOfUser } from './groups.ts';
import { projectOf } from './grants.store.ts';
import { pageOf, rowsFor } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { domainOfCaller, projectView } from './projects.api.ts';
import { projectConditions } from './projects.ts';
import { listProjects } from './projects.store.ts';
import { countingFailures, logIn } from './password-login.ts';
import { dayMs, demandGoodPassword, endOfPassword, passwordPolicyOf, type PasswordPolicy } from './password-policy.ts';
import { notAuthenticated, passwordIsLocked, passwordTooYoung, passwordUsedBefore } from './refusals.ts';
import { findPasswordState, listPastPasswords, type NewPassword, type PasswordState } from './user-passwords.store.ts';
import { changedOptions, changePassword, createUser, deleteUser, getUser, listUsers, updateUser, type NewUser, type User } from './users.ts';
import { findUser } from './users.store.ts';

// A password that is sent under its old name is none of those attributes that are shown to others.
const columns = ['id', 'name', 'domain_id', 'enabled', 'default_project_id', 'description', 'email', 'password', 'original_password', 'password_expires_at', 'options', 'links'];

export function usersDoor(parts: IdentityParts) {
  const { directory, passwords, vault, database } = parts;
  return implement(contract, {
    async list(request) {
      const { rows, listLimit } = await listUsers(request, request.query);
      const { items, rest } = pageOf(request, rows, listLimit);
      return { users: items.map((user) => userView(user, request)), ...rest };
    },
    async create(request) {
      const { name, domain_id: domainId, enabled = true, default_project_id: defaultProjectId = null, description = null, email = null, password, options = {} } = request.body.user;
      const domain = domainId ?? domainOfCaller(request.caller);
      const chosen = password == null ? undefined : await chosenPassword(request, { domainId: domain, options: changedOptions({}, options) }, password);
      const user: NewUser = {
        id: newId(parts),
        domainId: domain,
        name: name.trim(),
        defaultProjectId,
        description,
        email,
        enabled,
        options: changedOptions({}, options),
        extra: extraOf(request.body.user, columns),
      };
      return request.commit(async (tx) => {
        const made = await createUser({ ...request, tx }, user, chosen);
        await announce({ ...request, tx }, 'user', 'created', user.id);
        return { user: userView(made, request) };
      });
    },
    async show(request) {
      return { user: userView(await getUser(request, request.params.user_id), request) };
    },
    async update(request) {
      const { name, domain_id: domainId, enabled, default_project_id: defaultProjectId, description, email, password, options } = request.body.user;
      const before = password == null ? undefined : await request.read((tx) => findUser(tx, request.params.user_id));
      const chosen = password === null ? noPassword(request.now) : password === undefined || !before ? undefined : await chosenPassword(request, { ...before, options: changedOptions(before.options, options) }, password);
      const change = { ...given({ name: name?.trim(), domainId, enabled, defaultProjectId, description, email, options }), extra: extraOf(request.body.user, columns) };
      return request.commit(async (tx) => {
        const user = await updateUser({ ...request, tx }, directory, request.params.user_id, change, chosen);
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
      const user = await logIn({ passwords, vault, read: request.read, write: countingFailures(database), now: request.now }, (tx) => enabledUserOf(tx, id), original, { expired: 'take' });
      const { state, policy, past } = await request.read(async (tx) => {
        const policy = await passwordPolicyOf(tx, user.domainId);
        return { state: await findPasswordState(tx, id), policy, past: await listPastPasswords(tx, id, Math.max(policy.uniqueLastCount - 1, 0)) };
      });
      if (state?.hash == null) throw notAuthenticated();
      demandGoodPassword(policy, password);
      demandChangeable(policy, user, state, request.now);
      if (policy.uniqueLastCount > 0) for (const hash of [state.hash, ...past]) if (await passwords.matches(password, hash)) throw passwordUsedBefore(policy.uniqueLastCount);
      const to = { hash: await passwords.hash(password), createdAt: request.now, expiresAt: endOfPassword(policy, user.options, request.now, { isOwn: true }), isOwn: true };
      return request.commit(async (tx) => {
        await changePassword({ ...request, tx }, directory, id, { from: state.hash!, to });
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
      const { rows, listLimit } = await listGroupsOfUser(request, request.params.user_id, request.query);
      const { items, rest } = pageOf(request, rows, listLimit);
      return { groups: items.map((group) => groupView(group, request)), ...rest };
    },
  });
  /** A password that somebody chooses for somebody else. */
  async function chosenPassword({ read, now }: { read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>; now: Date }, { domainId, options }: Pick<NewUser, 'domainId' | 'options'>, password: string): Promise<NewPassword> {
    const policy = await read((tx) => passwordPolicyOf(tx, domainId));
    demandGoodPassword(policy, password);
    return { hash: await passwords.hash(password), createdAt: now, expiresAt: endOfPassword(policy, options, now, { isOwn: false }), isOwn: false };
  }
}

function noPassword(now: Date): NewPassword {
  return { hash: null, createdAt: now, expiresAt: null, isOwn: false };
}

async function enabledUserOf(tx: Transaction, id: string): Promise<User | undefined> {
  const user = await findUser(tx, id);
  return user?.enabled && (await findDomain(tx, user.domainId))?.enabled ? user : undefined;
}

// keystone/identity/backends/sql.py, change_password
function demandChangeable({ minimumAgeDays }: PasswordPolicy, { options }: User, { isOwn, createdAt }: PasswordState, now: Date): void {
  if (options.lock_password === true) throw passwordIsLocked();
  if (!isOwn || createdAt === null || minimumAgeDays === 0) return;
  const left = createdAt.getTime() + minimumAgeDays * dayMs - now.getTime();
  if (left > 0) throw passwordTooYoung(minimumAgeDays, Math.floor(left / dayMs));
}

export function userView({ id, name, domainId, enabled, defaultProjectId, description, email, options, passwordExpiresAt, extra }: User, { url }: { url(path: string): string }) {
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
    password_expires_at: passwordExpiresAt,
    options,
    links: { self: url(`/users/${id}`) },
  };
}
