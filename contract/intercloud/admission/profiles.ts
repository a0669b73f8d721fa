/** Capability profiles: signed, with an end. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Moment, Name } from '../native.ts';
import { Differences } from '../region.ts';

const Capability = Type.Object(
  {
    name: Name,
    state: Type.Union([Type.Literal('proved'), Type.Literal('quarantined'), Type.Literal('untried')]),
    since: Moment,
    detail: Type.Union([Type.String(), Type.Null()], { description: 'Why it is quarantined' }),
    milliseconds: Type.Union([Type.Integer(), Type.Null()], { description: 'How long it took when it was last seen to work' }),
  },
  { additionalProperties: false },
);

const Document = Type.Object({ region: Name, capabilities: Type.Array(Capability), probes: Type.Integer(), failed: Type.Integer() }, { additionalProperties: false });

export const Profile = Type.Object({ document: Document, issuedAt: Moment, expiresAt: Moment, key: Type.String(), signature: Type.String({ description: 'Ed25519 over the rest as canonical JSON' }) }, { additionalProperties: false });

const rule = (name: string) => ({ rule: `admission:${name}`, who: 'admin' }) as const;

export const profiles = operations({
  list: { method: 'GET', path: '/profiles', summary: 'List what each region was proved to do', access: rule('list_profiles'), stability: 'experimental', status: 200, response: Type.Object({ profiles: Type.Array(Profile) }), list: { after: { profile: null } } },
  show: { method: 'GET', path: '/profiles/{region}', summary: 'Show what a region was proved to do', access: rule('get_profile'), stability: 'experimental', status: 200, response: Type.Object({ profile: Profile, differences: Type.Union([Differences, Type.Null()], { description: 'What only one of the two clouds knew of when they were last compared; null: not yet' }) }, { additionalProperties: false }) },
  probe: { method: 'POST', path: '/profiles/{region}/probe', summary: 'Try it now', access: rule('probe'), stability: 'experimental', status: 202 },
  suspend: { method: 'POST', path: '/profiles/{region}/suspend', summary: 'Try it no more until it is asked for; refused while it is being tried', access: rule('suspend'), stability: 'experimental', status: 204 },
});
