/** Key and secret for signing requests as Amazon has it: keystone/api/users.py, UserOSEC2Credentials… */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Id, PageLinks, SelfLink } from './shapes.ts';

export const Ec2Credential = Type.Object({
  access: Type.String(),
  secret: Type.String(),
  user_id: Type.String(),
  tenant_id: Type.Union([Type.String(), Type.Null()]),
  trust_id: Type.Union([Type.String(), Type.Null()]),
  links: SelfLink,
});
const Shown = Type.Object({ credential: Ec2Credential });
const judged = (verb: string) => ({ rule: `identity:ec2_${verb}`, who: 'user', judged: true }) as const;

export const ec2Credentials = operations({
  list: {
    method: 'GET',
    path: '/users/{user_id}/credentials/OS-EC2',
    summary: 'List the keys with which a user signs requests',
    access: judged('list_credentials'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ credentials: Type.Array(Ec2Credential), links: PageLinks }),
    list: { after: { credential: null } },
  },
  create: {
    method: 'POST',
    path: '/users/{user_id}/credentials/OS-EC2',
    summary: 'Make a key with which a user signs requests',
    access: judged('create_credential'),
    stability: 'stable',
    body: Type.Object({ tenant_id: Id }),
    status: 201,
    response: Shown,
  },
  show: {
    method: 'GET',
    path: '/users/{user_id}/credentials/OS-EC2/{access}',
    summary: 'Show a key with which a user signs requests',
    access: judged('get_credential'),
    stability: 'stable',
    status: 200,
    response: Shown,
  },
  delete: {
    method: 'DELETE',
    path: '/users/{user_id}/credentials/OS-EC2/{access}',
    summary: 'Delete a key with which a user signs requests',
    access: judged('delete_credential'),
    stability: 'stable',
    status: 204,
  },
});
