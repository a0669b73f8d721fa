/** What clients ask for in queries, read. placement/util.py and lib.py */
import { badRequest } from '../../kit/fault.ts';

const badValue = 'placement.query.bad_value';

/** All of these traits, where one of each set is enough, and none of the forbidden. */
export type TraitWish = { required: string[][]; forbidden: Set<string> };
/** In one of each list of groups, and in none of the forbidden. */
export type GroupWish = { memberOf: string[][]; forbidden: Set<string> };

/** `VCPU:2,MEMORY_MB:1024` */
export function readResources(text: string): Map<string, number> {
  const malformed = (got: string) => badRequest(`Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: ${got}.`);
  if (text.trim() === '') throw malformed('empty string');
  const wanted = new Map<string, number>();
  for (const part of text.split(',')) {
    const [name = '', amount, more] = part.split(':');
    if (amount === undefined || more !== undefined) throw malformed(part.slice(0, 60));
    if (!/^\s*[+-]?\d{1,15}\s*$/.test(amount)) throw badRequest(`Requested resource ${name.slice(0, 60)} expected positive integer amount. Got: ${amount.slice(0, 60)}.`);
    if (Number(amount) < 1) throw badRequest(`Requested resource ${name.slice(0, 60)} requires amount >= 1. Got: ${Number(amount)}.`);
    wanted.set(name, Number(amount));
  }
  return wanted;
}

/** `A,!B` and `in:C,D`, several times. */
export function readTraits(values: readonly string[], key = 'required'): TraitWish {
  const wish: TraitWish = { required: [], forbidden: new Set() };
  for (const value of values) {
    const isAny = value.startsWith('in:');
    const names = (isAny ? value.slice(3) : value).split(',').map((name) => name.trim());
    if (names.some((name) => name.replace(/^!+/, '') === '')) throw badRequest(`Invalid query string parameters: Expected '${key}' parameter value of the form: ${isAny ? 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' : 'HW_CPU_X86_VMX,!CUSTOM_MAGIC'}. Got an empty trait in: ${value.slice(0, 60)}`);
    if (isAny && names.some((name) => name.startsWith('!'))) throw badRequest(`Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' does not support forbidden traits. Got: ${value.slice(0, 60)}`);
    if (isAny) wish.required.push(names);
    else for (const name of names) if (name.startsWith('!')) wish.forbidden.add(name.replace(/^!+/, ''));
    else wish.required.push([name]);
  }
  return wish;
}

/** As clients up to 1.23 know it. */
export function demandOneGroup(query: object): void {
  if ('member_of_again' in query) throw badRequest('Multiple member_of parameters are not supported');
}

/** `<uuid>`, `in:<uuid>,<uuid>`, and both with `!` before for what must not be, several times. */
export function readGroups(values: readonly string[]): GroupWish {
  const wish: GroupWish = { memberOf: [], forbidden: new Set() };
  for (const value of values) {
    const isNot = value.startsWith('!');
    const rest = isNot ? value.slice(1) : value;
    const isAny = rest.startsWith('in:');
    const ids = (isAny ? rest.slice(3) : rest).split(',');
    if (!isAny && ids.length > 1) throw badRequest(`Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the valid microversion. Got: ${value.slice(0, 60)}`);
    for (const id of ids) if (!isUuid(id)) throw badRequest(`Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: ${value.slice(0, 60)}`);
    if (isNot) for (const id of ids) wish.forbidden.add(dashed(id));
    else wish.memberOf.push(ids.map(dashed));
  }
  return wish;
}

/** Several requests in one: each with a suffix is about one provider, the one without about a whole tree. */
export type RequestGroup = { resources: Map<string, number>; traits: TraitWish; groups: GroupWish; inTree: string | null };

export type CandidateQuery = {
  groups: Map<string, RequestGroup>;
  isolate: boolean;
  root: TraitWish;
  subtrees: string[][];
  limit: number | undefined;
};

type Given = { resources?: string; limit?: number; required?: string[]; member_of?: string[]; group_policy?: 'none' | 'isolate'; in_tree?: string; root_required?: string; same_subtree?: string[] };

export function readCandidateQuery(query: Given, others: Readonly<Record<string, string | string[]>>): CandidateQuery {
  const groups = new Map<string, RequestGroup>();
  const group = (suffix: string) => {
    const found = groups.get(suffix) ?? { resources: new Map<string, number>(), traits: readTraits([]), groups: readGroups([]), inTree: null };
    groups.set(suffix, found);
    return found;
  };
  const read = (key: string, suffix: string, values: string[]) => {
    const of = group(suffix);
    if (key === 'resources') of.resources = readResources(values.at(-1) ?? '');
    else if (key === 'required') of.traits = readTraits(values, `required${suffix}`);
    else if (key === 'member_of') of.groups = readGroups(values);
    else of.inTree = readTree(values.at(-1) ?? '');
  };
  if (query.resources !== undefined) read('resources', '', [query.resources]);
  if (query.required !== undefined) read('required', '', query.required);
  if (query.member_of !== undefined) read('member_of', '', query.member_of);
  if (query.in_tree !== undefined) read('in_tree', '', [query.in_tree]);
  for (const [name, value] of Object.entries(others)) {
    const [, key = '', suffix = ''] = /^(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{1,64})$/.exec(name) ?? [];
    if (key === '') throw badRequest(`Invalid query string parameters: Additional properties are not allowed ('${name.slice(0, 60)}' was unexpected)`);
    read(key, suffix, [value].flat());
  }
  const subtrees = (query.same_subtree ?? []).map((text) => text.split(',').map((suffix) => suffix.trim()));
  demandSound(groups, subtrees, query);
  const root = readTraits(query.root_required === undefined ? [] : [query.root_required], 'root_required');
  demandNoConflict(root, 'root_required');
  return { groups, isolate: query.group_policy === 'isolate', root, subtrees, limit: query.limit };
}

function demandSound(groups: ReadonlyMap<string, RequestGroup>, subtrees: readonly string[][], query: Given): void {
  const inSubtree = new Set(subtrees.flat());
  if (subtrees.flat().some((suffix) => suffix === '')) throw badRequest('Empty string (unsuffixed group) can not be specified in `same_subtree`.', badValue);
  for (const suffix of inSubtree) if (!groups.has(suffix)) throw badRequest(`Real suffixes should be specified in \`same_subtree\`: ['${suffix.slice(0, 60)}'] not found in [${[...groups.keys()].map((each) => `'${each}'`).join(', ')}].`, badValue);
  const bare = [...groups].filter(([, { resources }]) => resources.size === 0).map(([suffix]) => suffix);
  if (bare.length === groups.size) throw badRequest('There must be at least one resources or resources[$S] parameter.', 'placement.query.missing_value');
  const orphans = bare.filter((suffix) => !inSubtree.has(suffix));
  if (orphans.length > 0) throw badRequest(`Resourceless suffixed group request should be specified in \`same_subtree\` query param: bad group(s) - [${orphans.map((each) => `'${each}'`).join(', ')}].`, badValue);
  for (const [suffix, { traits }] of groups) demandNoConflict(traits, `required${suffix}`);
  if (query.group_policy === undefined && [...groups.keys()].filter((suffix) => suffix !== '').length > 1)
    throw badRequest('The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.');
}

function demandNoConflict({ required, forbidden }: TraitWish, key: string): void {
  const impossible = required.filter((any) => any.every((trait) => forbidden.has(trait)));
  if (impossible.length > 0) throw badRequest(`Conflicting required and forbidden traits found in the following traits keys: ${impossible.map((any) => `${key}: (${any.toSorted().join(', ')})`).join(', ')}`, badValue);
}

function readTree(text: string): string {
  if (!isUuid(text)) throw badRequest(`Invalid query string parameters: Expected 'in_tree' parameter to be a format of uuid. Got: ${text.slice(0, 60)}`);
  return dashed(text);
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(text);
}

/** As ids are kept: small letters, with dashes. */
export function dashed(id: string): string {
  return id.toLowerCase().replaceAll('-', '').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
