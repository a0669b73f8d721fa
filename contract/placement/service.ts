/** Placement: what hosts have, and who has claimed it. */
import { service, type FaultFacts } from '../contract.ts';
import { allocations, providers, resourceClasses } from './providers.ts';

/** Reading is whole up to here. What writes is not offered: hosts report their own inventory, and claims are compute's. */
const newest = '1.4';

const document = () => ({ versions: [{ id: 'v1.0', min_version: '1.0', max_version: newest, status: 'CURRENT', links: [{ rel: 'self', href: '' }] }] });

// A contract runs in a browser too, so that it cannot ask node:http.
const titles: Record<number, string> = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable', 409: 'Conflict', 413: 'Content Too Large', 415: 'Unsupported Media Type', 429: 'Too Many Requests', 500: 'Internal Server Error', 503: 'Service Unavailable' };

/** placement/util.py, json_error_formatter; codes came with 1.23. */
function shape({ status, message, requestId }: FaultFacts) {
  const title = titles[status] ?? 'Error';
  return { body: { errors: [{ status, title, detail: message, request_id: requestId }] } };
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
  microversions: { name: 'placement', min: '1.0', max: newest, changes: [] },
  discovery: [{ path: '/placement', status: 200, document }],
  shape,
  nouns: { providers, allocations, resourceClasses },
});
