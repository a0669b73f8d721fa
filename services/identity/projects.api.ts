/** The door of projects and their tags. keystone/api/projects.py */
import { projects as contract, projectTags as tagsContract } from '../../contract/identity/projects.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { demand } from './access.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import { createDomain, defaultDomainId, deleteDomain, updateDomain } from './domains.ts';
import { extraOf } from './extra.ts';
import { listProjectIdsOf } from './grants.store.ts';
import { innerLimitView } from './limits.api.ts';
import { limitsOfProjects } from './limits.ts';
import { isAsked, pageOf, selfOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { createProject, deleteProject, getAnyProject, getProject, getRelatives, listProjects, updateProject, type AnyProject, type Project } from './projects.ts';
import { findProject, listProjectIdsBelow } from './projects.store.ts';
import { couldNotFind, invalid, notAllowed } from './refusals.ts';

const columns = ['id', 'name', 'description', 'enabled', 'is_domain', 'domain_id', 'parent_id', 'tags', 'options', 'links', 'parents', 'subtree'];

export function projectsDoor(parts: IdentityParts) {
  const { directory } = parts;
  return implement(contract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listProjects(request, request.query));
      return { projects: items.map((project) => anyView(project, request)), ...rest };
    },
    async create(request) {
      const { name, description = '', enabled = true, is_domain: isDomain, domain_id: domainId, parent_id: parentId, tags = [], options = {} } = request.body.project;
      if (isDomain === true) {
        if (domainId != null || parentId != null) throw invalid('only root projects are allowed to act as domains.');
        if (tags.length > 0) throw invalid('A project that acts as a domain has no tags.');
        demand(request, 'identity:create_project');
        const domain = await createDomain(request, { id: newId(parts), name: name.trim(), description, enabled, options, extra: extraOf(request.body.project, columns) });
        await announce(request, 'domain', 'created', domain.id);
        return { project: domainProjectView({ ...domain, isDomain: true }, request) };
      }
      const place = await placeOf(request, domainId ?? undefined, parentId ?? undefined);
      const project = await createProject(request, { id: newId(parts), ...place, name: name.trim(), description, enabled, tags, options, extra: extraOf(request.body.project, columns) });
      await announce(request, 'project', 'created', project.id);
      return { project: projectView(project, request) };
    },
    async show(request) {
      const { params, query } = request;
      const [parents, parentIds, subtree, subtreeIds] = [query.parents_as_list, query.parents_as_ids, query.subtree_as_list, query.subtree_as_ids].map(isAsked);
      if (parents && parentIds) throw invalid('Cannot use parents_as_list and parents_as_ids query params at the same time.');
      if (subtree && subtreeIds) throw invalid('Cannot use subtree_as_list and subtree_as_ids query params at the same time.');
      const project = await getAnyProject(request, params.project_id);
      const relatives = (which: 'ancestors' | 'descendants') => getRelatives(request, project, which, (tx) => listProjectIdsOf(tx, request.caller.userId));
      // keystone/resource/core.py, _include_limits
      const asList = async (projects: Project[]) => {
        const limits = isAsked(query.include_limits) ? await limitsOfProjects(request, projects.map(({ id }) => id)) : undefined;
        return projects.map((each) => ({ project: { ...projectView(each, request), ...(limits ? { limits: (limits.get(each.id) ?? []).map(innerLimitView) } : {}) } }));
      };
      return {
        project: {
          ...anyView(project, request),
          ...(parents ? { parents: await asList(await relatives('ancestors')) } : {}),
          ...(subtree ? { subtree: await asList(await relatives('descendants')) } : {}),
          ...(parentIds ? { parents: 'isDomain' in project ? null : idsOfParents(project, await relatives('ancestors')) } : {}),
          ...(subtreeIds ? { subtree: idsOfSubtree(project.id, await relatives('descendants')) } : {}),
        },
      };
    },
    async update(request) {
      const { name, description, enabled, is_domain: isDomain, domain_id: domainId, parent_id: parentId, tags, options } = request.body.project;
      const before = await getAnyProject(request, request.params.project_id, 'identity:update_project');
      if ('isDomain' in before) {
        if (domainId != null || parentId != null || (tags !== undefined && tags.length > 0)) throw invalid('A project that acts as a domain has no parent, no domain and no tags.');
        const domain = await updateDomain(request, directory, before.id, { ...given({ name: name?.trim(), description, enabled, options }), extra: extraOf(request.body.project, columns) });
        await announce(request, 'domain', 'updated', domain.id);
        return { project: domainProjectView({ ...domain, isDomain: true }, request) };
      }
      if (isDomain === true) throw invalid('Update of `is_domain` is not allowed.');
      // A project directly below its domain has the domain for its parent, and clients send that back.
      const parent = parentId === before.domainId ? null : parentId;
      const change = { ...given({ name: name?.trim(), description, enabled, domainId: domainId ?? undefined, parentId: parent, tags, options }), extra: extraOf(request.body.project, columns) };
      const project = await updateProject(request, directory, before.id, change);
      await announce(request, 'project', 'updated', project.id);
      return { project: projectView(project, request) };
    },
    async delete(request) {
      const project = await getAnyProject(request, request.params.project_id, 'identity:delete_project');
      if ('isDomain' in project) {
        if (project.enabled) throw invalid(`cannot delete an enabled project acting as a domain. Please disable the project ${project.id} first.`);
        if ((await listProjectIdsBelow(request.tx, { kind: 'domain', id: project.id })).length > 0)
          throw notAllowed(`Cannot delete the project ${project.id} since it is not a leaf in the hierarchy. Use the cascade option if you want to delete a whole subtree.`);
        await deleteDomain(request, directory, project.id);
        return announce(request, 'domain', 'deleted', project.id);
      }
      await deleteProject(request, directory, request.params.project_id);
      await announce(request, 'project', 'deleted', request.params.project_id);
    },
  });
}

export function projectTagsDoor({ directory }: IdentityParts) {
  return implement(tagsContract, {
    async list(request) {
      const { tags } = await getProject(request, request.params.project_id, 'identity:list_project_tags');
      return { tags, links: { self: selfOf(request) } };
    },
    async replace(request) {
      const { tags } = await updateProject(request, directory, request.params.project_id, { tags: request.body.tags }, 'identity:update_project_tags');
      await announce(request, 'project', 'updated', request.params.project_id);
      return { tags, links: { self: selfOf(request) } };
    },
    async clear(request) {
      await updateProject(request, directory, request.params.project_id, { tags: [] }, 'identity:delete_project_tags');
      await announce(request, 'project', 'updated', request.params.project_id);
    },
    async check(request) {
      const { tags } = await getProject(request, request.params.project_id, 'identity:get_project_tag');
      if (!tags.includes(request.params.tag)) throw couldNotFind('project tag', request.params.tag);
    },
    async add(request) {
      const { id, tags } = await getProject(request, request.params.project_id, 'identity:create_project_tag');
      const added = new Set([...tags, request.params.tag]);
      if (added.size > 80) throw invalid('A project has at most 80 tags.');
      await updateProject(request, directory, id, { tags: [...added] }, 'identity:create_project_tag');
      await announce(request, 'project', 'updated', id);
    },
    async remove(request) {
      const { id, tags } = await getProject(request, request.params.project_id, 'identity:delete_project_tag');
      if (!tags.includes(request.params.tag)) throw couldNotFind('project tag', request.params.tag);
      await updateProject(request, directory, id, { tags: tags.filter((tag) => tag !== request.params.tag) }, 'identity:delete_project_tag');
      await announce(request, 'project', 'updated', id);
    },
  });
}

export function projectView({ id, name, domainId, description, enabled, parentId, tags, options, extra }: Project, { url }: { url(path: string): string }) {
  return { ...extra, id, name, domain_id: domainId, description, enabled, parent_id: parentId ?? domainId, is_domain: false, tags, options, links: { self: url(`/projects/${id}`) } };
}

function anyView(project: AnyProject, links: { url(path: string): string }) {
  return 'isDomain' in project ? domainProjectView(project, links) : projectView(project, links);
}

function domainProjectView({ id, name, description, enabled, options, extra }: Extract<AnyProject, { isDomain: true }>, { url }: { url(path: string): string }) {
  return { ...extra, id, name, domain_id: null, description, enabled, parent_id: null, is_domain: true, tags: [], options, links: { self: url(`/projects/${id}`) } };
}

// keystone/server/flask/common.py, _normalize_domain_id: without one, the token's; administrators' tokens have the default one.
async function placeOf(request: Pick<Context, 'caller' | 'tx'>, domainId: string | undefined, parentId: string | undefined): Promise<{ domainId: string; parentId: string | null }> {
  if (parentId !== undefined && parentId !== domainId) {
    const parent = await findProject(request.tx, parentId);
    if (parent) return { domainId: domainId ?? parent.domainId, parentId };
    // A parent that is no project may be the domain itself.
    return { domainId: parentId, parentId: null };
  }
  return { domainId: domainId ?? parentId ?? domainOfCaller(request.caller), parentId: null };
}

export function domainOfCaller({ domainId, projectDomainId }: Caller): string {
  return domainId ?? projectDomainId ?? defaultDomainId;
}

// keystone/resource/core.py, get_project_parents_as_ids: the nearest is the outermost key.
function idsOfParents(project: Project, ancestors: Project[]): Record<string, unknown> | null {
  return [...ancestors.map(({ id }) => id), project.domainId].reduceRight<Record<string, unknown> | null>((inner, id) => ({ [id]: inner }), null);
}

function idsOfSubtree(id: string, descendants: Project[]): Record<string, unknown> | null {
  const children = descendants.filter(({ parentId }) => parentId === id);
  return children.length === 0 ? null : Object.fromEntries(children.map((child) => [child.id, idsOfSubtree(child.id, descendants)]));
}
