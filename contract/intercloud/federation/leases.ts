/**
 * Limits that hold over all regions. Home has the limit and knows how much of it each region holds; a region uses no more
 * than it holds, so that the limit is kept whoever is cut off from whom. Of quotas and of budgets alike: a kind, a subject
 * (a project), an amount (pieces, or nano-units of a currency).
 */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';

const strict = { additionalProperties: false };

export const Kind = Type.String({ pattern: '^[a-z][a-z0-9_.:-]{0,62}$', description: 'compute.cores, budget:eur' });
export const Subject = Type.String({ minLength: 1, maxLength: 64, description: 'The project' });
/** Text, because a budget in nano-units is larger than what a JSON number holds. */
export const Amount = Type.String({ pattern: '^(-1|0|[1-9][0-9]{0,17})$', description: 'A whole number; -1: unlimited' });
const Version = Type.Integer({ minimum: 0, maximum: 9_007_199_254_740_991 });
const Held = Type.Object({ kind: Kind, subject: Subject, amount: Amount, limit: Type.Union([Amount, Type.Null()]), version: Version }, strict);
const HeldAll = Type.Object({ leases: Type.Array(Held) }, strict);

export const leases = operations({
  list: {
    method: 'GET',
    path: '/regions/{region}/leases',
    summary: 'What a region holds of the limits of all',
    access: { rule: 'federation:list_leases', who: 'service' },
    stability: 'stable',
    status: 200,
    response: HeldAll,
    list: { after: {}, byItself: true },
  },
  ask: {
    method: 'POST',
    path: '/regions/{region}/leases',
    summary: 'Ask for as much of a limit: at least what is needed, at best what is wished for. The answer says what is held now',
    access: { rule: 'federation:ask_leases', who: 'service' },
    stability: 'stable',
    body: Type.Object({ leases: Type.Array(Type.Object({ kind: Kind, subject: Subject, least: Amount, wish: Amount }, strict), { maxItems: 100 }) }, strict),
    status: 200,
    response: HeldAll,
    effects: 'own',
  },
  giveBack: {
    method: 'PUT',
    path: '/regions/{region}/leases',
    summary: 'Hold no more than this from now on; ignored where home has granted more since the version that is named',
    access: { rule: 'federation:give_back_leases', who: 'service' },
    stability: 'stable',
    body: Type.Object({ leases: Type.Array(Type.Object({ kind: Kind, subject: Subject, amount: Amount, version: Version }, strict), { maxItems: 100 }) }, strict),
    status: 200,
    response: HeldAll,
  },
  setLimits: {
    method: 'PUT',
    path: '/regions/{region}/limits',
    summary: 'Set limits, for all regions, as a region was told to; null: the default',
    access: { rule: 'federation:set_limits', who: 'service' },
    stability: 'stable',
    body: Type.Object({ limits: Type.Array(Type.Object({ kind: Kind, subject: Subject, amount: Type.Union([Amount, Type.Null()]) }, strict), { maxItems: 100 }) }, strict),
    status: 204,
  },
});
