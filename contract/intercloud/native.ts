/** What Intercloud's own services have in common: one shape of refusals, one way of writing paths, money and moments. */
import { Type } from 'typebox';
import { service, type FaultFacts, type Operations, type Service } from '../contract.ts';

/** RFC 9457; `code` is the fault's stable name, for programs. */
function shape({ status, code, message, detail, requestId }: FaultFacts) {
  return { body: { type: 'about:blank', title: message, status, code, ...(detail === undefined ? {} : { detail }), request_id: requestId }, contentType: 'application/problem+json' };
}

type Native<N extends Record<string, Operations>> = { name: string; title: string; where?: Service['where']; nouns: N };

/** A service, of home unless told, at `/<name>/v1`, with the type `intercloud-<name>` in the catalog. */
export function nativeService<const N extends Record<string, Operations>>({ name, title, where = 'home', nouns }: Native<N>): Service & { nouns: N } {
  const root = `/${name}`;
  const path = `${root}/v1`;
  const document = (base: string) => ({ versions: [{ id: 'v1', status: 'CURRENT', links: [{ rel: 'self', href: `${base}${path}/` }] }] });
  return service({
    type: `intercloud-${name}`,
    name: `intercloud-${name}`,
    title,
    root,
    path,
    catalogPath: path,
    projectInPath: false,
    where,
    discovery: [
      { path: root, status: 300, document },
      { path, status: 200, document: (base) => ({ version: document(base).versions[0] }) },
    ],
    shape,
    invalid: ({ field, reason }) => ({ code: 'invalid', message: `${field}: ${reason}` }),
    nouns,
  });
}

/** An amount of money in its currency, as a decimal text with up to nine places: never a float. */
export const Money = Type.String({ pattern: '^-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,9})?$', description: 'A decimal amount of the currency, up to nine places' });
export const Currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' });
export const Moment = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' });
export const Name = Type.String({ minLength: 1, maxLength: 255 });
export const Id = Type.String({ minLength: 1, maxLength: 64 });
