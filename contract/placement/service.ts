/** Placement: what hosts have, and who has claimed it. */
import { compareVersions, service, type FaultFacts } from '../contract.ts';
import { allocations, candidates, reshaper, usages } from './allocations.ts';
import { className, uuidKey } from './fields.ts';
import { changes } from './microversions.ts';
import { resourceClasses, traits } from './names.ts';
import { providers } from './providers.ts';

const [oldest, newest] = ['1.0', '1.39'] as const;

const document = () => ({ versions: [{ id: 'v1.0', min_version: oldest, max_version: newest, status: 'CURRENT', links: [{ rel: 'self', href: '' }] }] });

// A contract runs in a browser too, so that it cannot ask node:http.
const titles: Record<number, string> = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable', 409: 'Conflict', 413: 'Content Too Large', 415: 'Unsupported Media Type', 429: 'Too Many Requests', 500: 'Internal Server Error', 503: 'Service Unavailable' };

/** placement/util.py, json_error_formatter; placement/errors.py */
function shape({ status, code, message, requestId }: FaultFacts) {
  const versions = status === 406 ? { max_version: newest, min_version: oldest } : {};
  return { body: { errors: [{ status, title: titles[status] ?? 'Error', detail: message, code: code.startsWith('placement.') ? code : 'placement.undefined_code', request_id: requestId, ...versions }] } };
}

/** Told from the version on in which replies tell it: placement/handlers/root.py */
function freshness({ version, now }: { version: string | undefined; now: Date }): Record<string, string> {
  return version !== undefined && compareVersions(version, '1.15') >= 0 ? { 'cache-control': 'no-cache', 'last-modified': now.toUTCString() } : {};
}

type Issue = { where: 'body' | 'query' | 'path'; field: string; value: unknown; reason: string };

/** placement/util.py, extract_json and validate_query_params; and what it says of some parameters by itself */
function refusalOf(issue: Issue): string {
  if (issue.where !== 'query') return `JSON does not validate: ${asJsonSchemaSays(issue)}`;
  const { field, value } = issue;
  return parameters[field.split('/')[0] ?? '']?.(String(value).slice(0, 60)) ?? `Invalid query string parameters: ${asJsonSchemaSays(issue)}`;
}

const parameters: Readonly<Record<string, (value: string) => string>> = {
  name: (value) => `Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: "${value}"`,
  associated: (value) => `The query parameter "associated" only accepts "true" or "false". Got: "${value}"`,
  member_of: () => 'Forbidden member_of parameters are not supported in the specified microversion',
  required: (value) =>
    `Invalid query string parameters: ${value.startsWith('in:') ? "The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported since microversion 1.39." : "Expected 'required' parameter value of the form: HW_CPU_X86_VMX,CUSTOM_MAGIC."} Got: ${value}`,
};

/** As the library says it that upstream checks with: clients look for some of it. */
function asJsonSchemaSays({ field, value, reason }: Issue): string {
  const name = field.split('/').pop() ?? '';
  const unknown = /^Additional properties are not allowed \(('[^']*')/.exec(reason)?.[1];
  if (unknown !== undefined && name in keys) return `${unknown} does not match any of the regexes: '${keys[name]}'`;
  for (const [words, said, keyword] of sayings)
    if (words.test(reason)) return `${keyword === 'required' ? '' : `${shown(value, name)} `}${reason.replace(words, said)}\n\nFailed validating '${keyword}' in schema${/^\w+$/.test(field) ? `['properties']['${field}']` : ''}`;
  return unknown === undefined ? `${shown(value, name)} ${reason}` : reason;
}

/** What the keys of a map have to be like. */
const keys: Readonly<Record<string, string>> = { allocations: uuidKey, resources: className, inventories: className };

function shown(value: unknown, name: string): string {
  if (typeof value === 'string') return `'${value.slice(0, 60)}'`;
  return typeof value === 'object' && value !== null ? (Object.keys(value).length > 0 ? name : Array.isArray(value) ? '[]' : '{}') : String(value);
}

const sayings: readonly (readonly [words: RegExp, said: string, keyword: string])[] = [
  [/^\S+ (is less than the )/, '$1', 'minimum'],
  [/^\S+ (is greater than the )/, '$1', 'maximum'],
  [/^must be (integer|number|string|array|object|boolean)$/, "is not of type '$1'", 'type'],
  [/^must match pattern "(.*)"$/, "does not match '$1'", 'pattern'],
  [/^must not have fewer than 1 properties$/, 'does not have enough properties', 'minProperties'],
  [/^must not have fewer than \d+ characters$/, 'is too short', 'minLength'],
  [/^must not have fewer than \d+ items$/, 'is too short', 'minItems'],
  [/^must not have more than \d+ characters$/, 'is too long', 'maxLength'],
  [/^must not have duplicate items$/, 'has non-unique elements', 'uniqueItems'],
  [/^must match format "uuid(-or-hex)?"$/, "is not a 'uuid'", 'format'],
  [/(is a required property)$/, '$1', 'required'],
];

export const placement = service({
  type: 'placement',
  name: 'placement',
  title: 'Placement',
  root: '/placement',
  path: '/placement',
  catalogPath: '/placement',
  projectInPath: false,
  where: 'region',
  strict: true,
  microversions: {
    name: 'placement',
    min: oldest,
    max: newest,
    changes,
    // microversion_parse/middleware.py
    refusals: { malformed: (wanted) => `Invalid microversion: invalid version string: ${wanted.slice(0, 60)}`, unsupported: (wanted) => `Unacceptable version header: ${wanted}` },
  },
  discovery: [{ path: '/placement', status: 200, document, versioned: true, headers: (_base, asked) => freshness(asked) }],
  shape,
  notJson: (why) => `Malformed JSON: ${why}`,
  unknownParameters: (reason) => `Invalid query string parameters: ${reason}`,
  invalid: (issue) => ({ code: 'placement.undefined_code', message: refusalOf(issue) }),
  nouns: { providers, allocations, candidates, usages, reshaper, resourceClasses, traits },
});
