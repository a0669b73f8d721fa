/** keystone/credential/schema.py: secrets that identity keeps for users; what they are depends on their type. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Id, listOf, pageQuery, SelfLink } from './shapes.ts';

const Kind = Type.String({ minLength: 1, maxLength: 255 });
const Blob = Type.String({ maxLength: 65_535 });
const ProjectId = Type.Union([Id, Type.Null()]);

const NewCredential = Type.Object({ credential: Type.Object({ id: Type.Optional(Type.String({ maxLength: 255 })), type: Kind, blob: Blob, user_id: Id, project_id: Type.Optional(ProjectId) }) });
const CredentialChange = Type.Object({
  credential: Type.Object(
    { id: Type.Optional(Type.String({ maxLength: 255 })), type: Type.Optional(Kind), blob: Type.Optional(Blob), user_id: Type.Optional(Id), project_id: Type.Optional(ProjectId) },
    { minProperties: 1 },
  ),
});

export const Credential = Type.Object({
  id: Type.String(),
  type: Type.String(),
  blob: Type.String(),
  user_id: Type.String(),
  project_id: Type.Union([Type.String(), Type.Null()]),
  links: SelfLink,
});
const Shown = Type.Object({ credential: Credential });

const judged = (verb: string) => ({ rule: `identity:${verb}`, who: 'user', judged: true }) as const;

export const credentials = operations({
  list: {
    method: 'GET',
    path: '/credentials',
    summary: 'List credentials',
    access: judged('list_credentials'),
    stability: 'stable',
    query: Type.Object({ ...pageQuery, user_id: Type.Optional(Type.String({ maxLength: 255 })), type: Type.Optional(Type.String({ maxLength: 255 })) }),
    status: 200,
    response: listOf('credentials', Credential),
    list: { resource: 'credential', show: 'show', parameter: 'credential_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/credentials',
    summary: 'Keep a secret of a user',
    access: judged('create_credential'),
    stability: 'stable',
    body: NewCredential,
    status: 201,
    response: Shown,
  },
  show: {
    method: 'GET',
    path: '/credentials/{credential_id}',
    summary: 'Show a credential',
    access: judged('get_credential'),
    stability: 'stable',
    status: 200,
    response: Shown,
  },
  update: {
    method: 'PATCH',
    path: '/credentials/{credential_id}',
    summary: 'Change a credential',
    access: judged('update_credential'),
    stability: 'stable',
    body: CredentialChange,
    status: 200,
    response: Shown,
  },
  delete: {
    method: 'DELETE',
    path: '/credentials/{credential_id}',
    summary: 'Delete a credential',
    access: judged('delete_credential'),
    stability: 'stable',
    status: 204,
  },
});
