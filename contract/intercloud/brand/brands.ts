/** Under which name and at which addresses an account's customers see this cloud, and which regions they see. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Moment, Name } from '../native.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });

const HostName = Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$', maxLength: 253, description: 'In lower case, without a port' });
const Contact = Type.String({ minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$', description: 'An address of any kind, as it is to be shown' });
const Link = Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 2000 });

export const Brand = exactly({
  account_id: Type.String(),
  name: Type.String(),
  support: Type.String(),
  terms_url: Type.Union([Type.String(), Type.Null()]),
  hosts: Type.Array(Type.String()),
  regions: Type.Union([Type.Array(Type.String()), Type.Null()], { description: 'What is offered to those of the account and of all below it; null: what the one above it is offered' }),
  updated_at: Moment,
});

const access = (verb: string, who: 'manager' | 'admin') => ({ rule: `intercloud:brand:${verb}`, who }) as const;

export const brands = operations({
  list: { method: 'GET', path: '/brands', summary: "The brand of the caller's account; for an administrator all brands", access: access('list_brands', 'manager'), stability: 'stable', status: 200, response: exactly({ brands: Type.Array(Brand) }), list: { resource: 'brand', show: 'show', parameter: 'account_id', ofNoProject: true } },
  show: { method: 'GET', path: '/brands/{account_id}', summary: "Show an account's brand", access: access('show_brand', 'manager'), stability: 'stable', status: 200, response: Brand },
  replace: {
    method: 'PUT',
    path: '/brands/{account_id}',
    summary: "Set an account's brand, whole",
    access: access('replace_brand', 'admin'),
    stability: 'stable',
    body: exactly({
      name: Name,
      support: Contact,
      terms_url: Type.Optional(Type.Union([Link, Type.Null()])),
      hosts: Type.Optional(Type.Array(HostName, { maxItems: 100, uniqueItems: true })),
      regions: Type.Optional(Type.Union([Type.Array(Name, { maxItems: 1000, uniqueItems: true }), Type.Null()])),
    }),
    status: 200,
    response: Brand,
  },
  delete: { method: 'DELETE', path: '/brands/{account_id}', summary: "Take an account's brand away", access: access('delete_brand', 'admin'), stability: 'stable', status: 204 },
});

export const page = operations({
  show: {
    method: 'GET',
    path: '/page',
    summary: 'Whose cloud this is, by the name of the host that was asked',
    access: { rule: 'intercloud:brand:show_page', who: 'anyone' },
    stability: 'stable',
    status: 200,
    response: exactly({ name: Type.String(), support: Type.Union([Type.String(), Type.Null()]), terms_url: Type.Union([Type.String(), Type.Null()]) }),
  },
});
