/** keystone/application_credential/schema.py: a password for a program, with some of its maker's roles in one project. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { AccessRule, Description, Id, listOf, Name, pageQuery, RoleReference, SelfLink, Time } from './shapes.ts';

const NewAccessRule = Type.Object(
  {
    id: Type.Optional(Id),
    service: Type.Optional(Id),
    path: Type.Optional(Type.String({ maxLength: 128, pattern: '^/' })),
    method: Type.Optional(Type.Union([Type.Literal('DELETE'), Type.Literal('GET'), Type.Literal('HEAD'), Type.Literal('PATCH'), Type.Literal('POST'), Type.Literal('PUT')])),
  },
  { additionalProperties: false },
);

const NewApplicationCredential = Type.Object({
  application_credential: Type.Object(
    {
      name: Name,
      description: Type.Optional(Description),
      secret: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 4096 }), Type.Null()])),
      expires_at: Type.Optional(Type.Union([Time, Type.Null()])),
      roles: Type.Optional(Type.Array(Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name) }), { maxItems: 100 })),
      unrestricted: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
      // By its parts, or one that is there already by its id.
      access_rules: Type.Optional(Type.Union([Type.Array(NewAccessRule, { maxItems: 100 }), Type.Null()])),
      project_id: Type.Optional(Type.Union([Id, Type.Null()])),
      id: Type.Optional(Type.Union([Id, Type.Null()])),
    },
    { additionalProperties: false },
  ),
});

export const ApplicationCredential = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Description,
  user_id: Type.String(),
  project_id: Type.String(),
  system: Type.Null(),
  roles: Type.Array(RoleReference),
  expires_at: Type.Union([Type.String(), Type.Null()]),
  unrestricted: Type.Boolean(),
  access_rules: Type.Optional(Type.Array(AccessRule)),
  links: SelfLink,
});
const Made = Type.Object({ application_credential: Type.Intersect([ApplicationCredential, Type.Object({ secret: Type.Optional(Type.String()) })]) });
const Shown = Type.Object({ application_credential: ApplicationCredential });

export const applicationCredentials = operations({
  list: {
    method: 'GET',
    path: '/users/{user_id}/application_credentials',
    summary: 'List application credentials',
    access: { rule: 'identity:list_application_credentials', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, name: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('application_credentials', ApplicationCredential),
    list: { resource: 'application_credential', show: 'show', parameter: 'application_credential_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/users/{user_id}/application_credentials',
    summary: 'Create an application credential; its secret is shown this once',
    access: { rule: 'identity:create_application_credential', who: 'user', judged: true },
    stability: 'stable',
    body: NewApplicationCredential,
    status: 201,
    response: Made,
    effects: 'own',
  },
  show: {
    method: 'GET',
    path: '/users/{user_id}/application_credentials/{application_credential_id}',
    summary: 'Show an application credential',
    access: { rule: 'identity:get_application_credential', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Shown,
  },
  delete: {
    method: 'DELETE',
    path: '/users/{user_id}/application_credentials/{application_credential_id}',
    summary: 'Delete an application credential',
    access: { rule: 'identity:delete_application_credential', who: 'user', judged: true },
    stability: 'stable',
    status: 204,
  },
});
