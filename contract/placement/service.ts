/** Placement: what hosts have, and who has claimed it. */
import { service, type FaultFacts } from '../contract.ts';
import { allocations, candidates, reshaper, usages } from './allocations.ts';
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

/** As the library says it that upstream checks with: clients look for some of it. */
function asJsonSchemaSays(reason: string): string {
  return reason
    .replace(/^must be >= (.*)$/, 'is less than the minimum of $1')
    .replace(/^must be <= (.*)$/, 'is greater than the maximum of $1')
    .replace(/^must not have fewer than 1 properties$/, 'does not have enough properties')
    .replace(/^must not have fewer than \d+ (characters|items)$/, 'is too short')
    .replace(/^must not have more than \d+ characters$/, 'is too long');
}

export const placement = service({
  type: 'placement',
  name: 'placement',
  title: 'Placement',
  root: '/placement',
  path: '/placement',
  catalogPath: '/placement',
  projectInPath: false,
  where: 'region',
  microversions: { name: 'placement', min: oldest, max: newest, changes },
  discovery: [{ path: '/placement', status: 200, document }],
  shape,
  invalid: ({ field, value, reason }) => ({ code: 'placement.undefined_code', message: `JSON does not validate: ${typeof value === 'object' ? (field.split('/').pop() ?? '') : String(value).slice(0, 60)} ${asJsonSchemaSays(reason)}` }),
  nouns: { providers, allocations, candidates, usages, reshaper, resourceClasses, traits },
});
