/** placement/handlers/{resource_class,trait}.py */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { admin, customName, exactly, links, only } from './fields.ts';

/** One that is too long is refused, and not looked for. */
const anyName = Type.Object({ name: Type.String() });

const resourceClass = exactly({ name: Type.String(), links });

export const resourceClasses = operations({
  list: { method: 'GET', path: '/resource_classes', since: '1.2', summary: 'What there can be to claim', access: admin('resource_classes:list'), stability: 'stable', status: 200, response: exactly({ resource_classes: Type.Array(resourceClass) }), list: { after: { resource_class: null } } },
  create: { method: 'POST', path: '/resource_classes', since: '1.2', summary: 'Add a class', access: admin('resource_classes:create'), stability: 'stable', body: exactly({ name: customName }), status: 201 },
  show: { method: 'GET', path: '/resource_classes/{name}', since: '1.2', summary: 'One class', access: admin('resource_classes:show'), stability: 'stable', status: 200, response: resourceClass },
  update: {
    method: 'PUT',
    path: '/resource_classes/{name}',
    since: '1.2',
    summary: 'Have a class of this name; up to 1.6, give it another',
    access: admin('resource_classes:update'),
    stability: 'stable',
    params: anyName,
    /** What is sent is not looked at; `changes` puts the new name of earlier microversions into `rename`. */
    body: Type.Object({ rename: Type.Optional(Type.Unsafe<string>({ not: {} })) }),
    bodyOptional: true,
    status: 204,
    otherStatuses: [200, 201],
  },
  delete: { method: 'DELETE', path: '/resource_classes/{name}', since: '1.2', summary: 'Take a class away of which nobody has any', access: admin('resource_classes:delete'), stability: 'stable', status: 204 },
});

export const traits = operations({
  list: {
    method: 'GET',
    path: '/traits',
    since: '1.6',
    summary: 'What providers can do',
    access: admin('traits:list'),
    stability: 'stable',
    query: only({ name: Type.Optional(Type.String({ pattern: '^(in|startswith):' })), associated: Type.Optional(Type.String({ pattern: '^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$' })) }),
    status: 200,
    response: exactly({ traits: Type.Array(Type.String()) }),
    list: { after: { trait: null, resource_provider: null } },
  },
  show: { method: 'GET', path: '/traits/{name}', since: '1.6', summary: 'Whether there is such a trait', access: admin('traits:show'), stability: 'stable', status: 204 },
  create: { method: 'PUT', path: '/traits/{name}', since: '1.6', summary: 'Have such a trait', access: admin('traits:update'), stability: 'stable', params: anyName, status: 201, otherStatuses: [204] },
  delete: { method: 'DELETE', path: '/traits/{name}', since: '1.6', summary: 'Take a trait away that no provider has', access: admin('traits:delete'), stability: 'stable', status: 204 },
});
