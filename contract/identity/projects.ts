/** keystone/resource/schema.py, project; tags are keystone/api/projects.py, ProjectTagsResource. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Description, Id, listOf, Name, nameFilters, Options, pageQuery, SelfLink } from './shapes.ts';

const ProjectName = Type.String({ minLength: 1, maxLength: 64, pattern: '\\S' });
const Tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' });
const Tags = Type.Array(Tag, { maxItems: 80, uniqueItems: true });

const given = {
  description: Type.Optional(Description),
  enabled: Type.Optional(Type.Boolean()),
  is_domain: Type.Optional(Type.Boolean()),
  domain_id: Type.Optional(Type.Union([Id, Type.Null()])),
  parent_id: Type.Optional(Type.Union([Id, Type.Null()])),
  tags: Type.Optional(Tags),
  options: Type.Optional(Options),
};
const NewProject = Type.Object({ project: Type.Object({ name: ProjectName, ...given }) });
const ProjectChange = Type.Object({ project: Type.Object({ id: Type.Optional(Id), name: Type.Optional(ProjectName), ...given }) });

export const Project = Type.Object({
  id: Type.String(),
  name: Name,
  domain_id: Type.String(),
  description: Description,
  enabled: Type.Boolean(),
  parent_id: Type.String(),
  is_domain: Type.Boolean(),
  tags: Type.Array(Type.String()),
  options: Options,
  links: SelfLink,
  parents: Type.Optional(Type.Unknown()),
  subtree: Type.Optional(Type.Unknown()),
});
/** Where projects that act as domains are found too: these are in no domain and below nothing. */
const AnyProject = Type.Object({ ...Project.properties, domain_id: Type.Union([Type.String(), Type.Null()]), parent_id: Type.Union([Type.String(), Type.Null()]) });
const Shown = Type.Object({ project: AnyProject });
const TagList = Type.Object({ tags: Type.Array(Type.String()), links: Type.Optional(SelfLink) });

export const projectFilters = {
  ...nameFilters,
  domain_id: Type.Optional(Type.String()),
  parent_id: Type.Optional(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
  is_domain: Type.Optional(Type.Boolean()),
  tags: Type.Optional(Type.String()),
  'tags-any': Type.Optional(Type.String()),
  'not-tags': Type.Optional(Type.String()),
  'not-tags-any': Type.Optional(Type.String()),
};

export const projects = operations({
  list: {
    method: 'GET',
    path: '/projects',
    summary: 'List projects',
    access: { rule: 'identity:list_projects', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...projectFilters }),
    status: 200,
    response: listOf('projects', AnyProject),
    list: { resource: 'project', show: 'show', parameter: 'project_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/projects',
    summary: 'Create a project',
    access: { rule: 'identity:create_project', who: 'manager', judged: true },
    stability: 'stable',
    body: NewProject,
    status: 201,
    response: Shown,
  },
  show: {
    method: 'GET',
    path: '/projects/{project_id}',
    summary: 'Show a project',
    access: { rule: 'identity:get_project', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({
      parents_as_list: Type.Optional(Type.String()),
      subtree_as_list: Type.Optional(Type.String()),
      parents_as_ids: Type.Optional(Type.String()),
      subtree_as_ids: Type.Optional(Type.String()),
      /** Of each project in these lists. */
      include_limits: Type.Optional(Type.String()),
    }),
    status: 200,
    response: Shown,
  },
  update: {
    method: 'PATCH',
    path: '/projects/{project_id}',
    summary: 'Change a project',
    access: { rule: 'identity:update_project', who: 'manager', judged: true },
    stability: 'stable',
    body: ProjectChange,
    status: 200,
    response: Shown,
  },
  delete: {
    method: 'DELETE',
    path: '/projects/{project_id}',
    summary: 'Delete a project that has no children',
    access: { rule: 'identity:delete_project', who: 'manager', judged: true },
    stability: 'stable',
    status: 204,
  },
});

export const projectTags = operations({
  list: {
    method: 'GET',
    path: '/projects/{project_id}/tags',
    summary: "List a project's tags",
    access: { rule: 'identity:list_project_tags', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: TagList,
    list: { after: { project: 'project_id' } },
  },
  replace: {
    method: 'PUT',
    path: '/projects/{project_id}/tags',
    summary: "Replace a project's tags",
    access: { rule: 'identity:update_project_tags', who: 'manager', judged: true },
    stability: 'stable',
    body: Type.Object({ tags: Tags }, { additionalProperties: false }),
    status: 200,
    response: TagList,
  },
  clear: {
    method: 'DELETE',
    path: '/projects/{project_id}/tags',
    summary: "Remove a project's tags",
    access: { rule: 'identity:delete_project_tags', who: 'manager', judged: true },
    stability: 'stable',
    status: 204,
  },
  check: {
    method: 'GET',
    path: '/projects/{project_id}/tags/{tag}',
    summary: 'Ask whether a project has a tag',
    access: { rule: 'identity:get_project_tag', who: 'user', judged: true },
    stability: 'stable',
    status: 204,
  },
  add: {
    method: 'PUT',
    path: '/projects/{project_id}/tags/{tag}',
    summary: 'Add a tag to a project',
    access: { rule: 'identity:create_project_tag', who: 'manager', judged: true },
    stability: 'stable',
    params: Type.Object({ tag: Tag }),
    status: 201,
  },
  remove: {
    method: 'DELETE',
    path: '/projects/{project_id}/tags/{tag}',
    summary: 'Remove a tag from a project',
    access: { rule: 'identity:delete_project_tag', who: 'manager', judged: true },
    stability: 'stable',
    status: 204,
  },
});
