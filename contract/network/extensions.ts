import { Type } from 'typebox';
import { operations } from '../contract.ts';

const Extension = Type.Object({ alias: Type.String(), name: Type.String(), description: Type.String(), updated: Type.String(), links: Type.Array(Type.Unknown()) });

export const extensions = operations({
  list: {
    method: 'GET', path: '/extensions', summary: 'List what this service can do beyond networks, subnets and ports', stability: 'stable',
    access: { rule: 'get_extension', who: 'user' },
    status: 200,
    response: Type.Object({ extensions: Type.Array(Extension) }),
  },
  show: {
    method: 'GET', path: '/extensions/{alias}', summary: 'Show one extension', stability: 'stable',
    access: { rule: 'get_extension', who: 'user' },
    status: 200,
    response: Type.Object({ extension: Extension }),
  },
});
