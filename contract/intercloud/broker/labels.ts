/** What the operator says of regions, for policies to ask: residency, certification, owner. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Name } from '../native.ts';

const Labels = Type.Record(Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$' }), Type.String({ maxLength: 255 }), { maxProperties: 64 });
const Labelled = Type.Object({ region: Name, labels: Labels }, { additionalProperties: false });

export const labels = operations({
  list: {
    method: 'GET',
    path: '/labels',
    summary: 'List the labels of all regions',
    access: { rule: 'broker:list_labels', who: 'admin' },
    stability: 'experimental',
    status: 200,
    response: Type.Object({ labels: Type.Array(Labelled) }),
    list: { after: { label: null } },
  },
  replace: {
    method: 'PUT',
    path: '/labels/{region}',
    summary: 'Set the labels of a region',
    access: { rule: 'broker:set_labels', who: 'admin' },
    stability: 'experimental',
    body: Type.Object({ labels: Labels }, { additionalProperties: false }),
    status: 200,
    response: Labelled,
  },
});
