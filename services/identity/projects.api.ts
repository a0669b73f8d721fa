/** The door of projects and their tags. keystone/api/projects.py */
import { projects as contract, projectTags as tagsContract } from '../../contract/identity/projects.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import { defaultDomainId } from './domains.ts';
import { extraOf } from './extra.ts';
import { listProjectIdsOf } from './grants.store.ts';
import { pageOf, selfOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { createProject, deleteProject, getProject, getRelatives, listProjects, updateProject, type Project } from './projects.ts';
import { findProject } from './projects.store.ts';
import { couldNotFind, invalid } from './refusals.ts';

const columns = ['id', 'name', 'description', 'enabled', 'is_domain', 'domain_id', 'parent_id', 'tags', 'options', 'links', 'parents', 'subtree'];

export function projectsDoor(parts: IdentityParts) {
  const { directory } = parts;
  return implement(contract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listProjects(request, request.query));
      return { projects: items.map((project) => projectView(project, request)), ...rest };
    },
    async create(request) {
      const { name, description = '', enabled = true, is_domain: isDomain, domain_id: domainId, parent_id: parentId, tags = [], options = {} } = request.body.project;
      if (isDomain === true) throw invalid('A project that acts as a domain is created as a domain: POST /v3/domains.');
      const place = await placeOf(request, domainId ?? undefined, parentId ?? undefined);
      const project = await createProject(request, { id: newId(parts), ...place, name: name.trim(), description, enabled, tags, options, extra: extraOf(request.body.project, columns) });
      await announce(request, 'project', 'created', project.id);
      return { project: projectView(project, request) };
    },
    async show(request) {
      const { tx, caller, params, query } = request;
      const project = await getProject(request, params.project_id);
      const own = () => listProjectIdsOf(tx, caller.userId);
      const view = projectView(project, request);
      const relatives = (which: 'ancestors' | 'descendants') => getRelatives(request, project.id, which, own);
      const asList = (projects: Project[]) => projects.map((each) => ({ project: projectView(each, request) }));
      return {
        project: {
          ...view,
          ...(query.parents_as_list === undefined ? {} : { parents: asList(await relatives('ancestors')) }),
          ...(query.subtree_as_list === undefined ? {} : { subtree: asList(await relatives('descendants')) }),
          ...(query.parents_as_ids === undefined ? {} : { parents: idsOfParents(project, await relatives('ancestors')) }),
          ...(query.subtree_as_ids === undefined ? {} : { subtree: idsOfSubtree(project.id, await relatives('descendants')) }),
        },
      };
    },
    async update(request) {
      const { name, description, enabled, is_domain: isDomain, domain_id: domainId, parent_id: parentId, tags, options } = request.body.project;
      if (isDomain === true) throw invalid('Update of `is_domain` is not allowed.');
      const before = await getProject(request, request.params.project_id, 'identity:update_project');
      // A project directly below its domain has the domain for its parent, and clients send that back.
      const parent = parentId === before.domainId ? null : parentId;
      const change = { ...given({ name: name?.trim(), description, enabled, domainId: domainId ?? undefined, parentId: parent, tags, options }), extra: extraOf(request.body.project, columns) };
      const project = await updateProject(request, directory, before.id, change);
      await announce(request, 'project', 'updated', project.id);
      return { project: projectView(project, request) };
    },
    async delete(request) {
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
      const { tags } = await updateProject(request, directory, request.params.project_id, { tags: request.body.tags });
      await announce(request, 'project', 'updated', request.params.project_id);
      return { tags, links: { self: selfOf(request) } };
    },
    async clear(request) {
      await updateProject(request, directory, request.params.project_id, { tags: [] });
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
      await updateProject(request, directory, id, { tags: [...added] });
      await announce(request, 'project', 'updated', id);
    },
    async remove(request) {
      const { id, tags } = await getProject(request, request.params.project_id, 'identity:delete_project_tag');
      if (!tags.includes(request.params.tag)) throw couldNotFind('project tag', request.params.tag);
      await updateProject(request, directory, id, { tags: tags.filter((tag) => tag !== request.params.tag) });
      await announce(request, 'project', 'updated', id);
    },
  });
}

export function projectView({ id, name, domainId, description, enabled, parentId, tags, options, extra }: Project, { url }: { url(path: string): string }) {
  return { ...extra, id, name, domain_id: domainId, description, enabled, parent_id: parentId ?? domainId, is_domain: false, tags, options, links: { self: url(`/projects/${id}`) } };
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
