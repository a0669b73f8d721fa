/** What a project, or the whole cloud, wants of the places where its machines go. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Money, Name } from '../native.ts';

const Weight = Type.Number({ minimum: 0, maximum: 1000 });

export const Limits = Type.Object(
  {
    regions: Type.Optional(Type.Array(Name, { maxItems: 1000, description: 'Only these' })),
    not_regions: Type.Optional(Type.Array(Name, { maxItems: 1000 })),
    kinds: Type.Optional(Type.Array(Type.Union([Type.Literal('own'), Type.Literal('partner')]), { maxItems: 2, description: "The cloud's own regions, its partners', or both" })),
    labels: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$' }), Type.Array(Name, { maxItems: 100 }), { description: 'For each label, such as residency, the values that will do' })),
    hourly_at_most: Type.Optional(Money),
    reliability_at_least: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    image_present: Type.Optional(Type.Boolean({ description: 'Only where the image is already' })),
  },
  { additionalProperties: false, description: 'What must be' },
);

export const Preferences = Type.Object(
  { cost: Type.Optional(Weight), own: Type.Optional(Weight), reliability: Type.Optional(Weight), image: Type.Optional(Weight), room: Type.Optional(Weight) },
  { additionalProperties: false, description: 'What is better, and how much it weighs; what is left out weighs nothing' },
);

export const Policy = Type.Object({ limits: Limits, preferences: Preferences }, { additionalProperties: false });

const Shown = Type.Object({ policy: Type.Object({ limits: Limits, preferences: Preferences, source: Type.Union([Type.Literal('project'), Type.Literal('cloud'), Type.Literal('usual')]) }) });
const Given = Type.Object({ policy: Policy }, { additionalProperties: false });

export const policy = operations({
  show: { method: 'GET', path: '/policy', summary: 'Show what holds for the project', access: { rule: 'broker:get_policy', who: 'reader' }, stability: 'experimental', status: 200, response: Shown },
  replace: { method: 'PUT', path: '/policy', summary: 'Set the policy of the project', access: { rule: 'broker:set_policy', who: 'member' }, stability: 'experimental', body: Given, status: 200, response: Shown },
  delete: { method: 'DELETE', path: '/policy', summary: 'Go back to the policy of the cloud', access: { rule: 'broker:delete_policy', who: 'member' }, stability: 'experimental', status: 204 },
});

export const defaultPolicy = operations({
  show: { method: 'GET', path: '/default-policy', summary: 'Show what holds for projects without a policy', access: { rule: 'broker:get_default_policy', who: 'admin', adminEverywhere: true }, stability: 'experimental', status: 200, response: Shown },
  replace: { method: 'PUT', path: '/default-policy', summary: 'Set the policy of the cloud', access: { rule: 'broker:set_default_policy', who: 'admin', adminEverywhere: true }, stability: 'experimental', body: Given, status: 200, response: Shown },
});
