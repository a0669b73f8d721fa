/** What pages of other origins may do, as a container says: swift/proxy/controllers/base.py, cors_validation and OPTIONS. */
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { Fault } from '../../kit/fault.ts';
import { Answer } from '../../kit/http/implement.ts';
import type { Container } from './containers.ts';
import { headerOf } from './header-text.ts';
import { lookAt, type Place, type StoreRequest } from './visits.ts';

const always = ['cache-control', 'content-language', 'content-type', 'expires', 'last-modified', 'pragma', 'etag', 'x-timestamp', 'x-trans-id', 'x-openstack-request-id'];
const meta = 'x-container-meta-access-control-';

/** Adds to a reply, and to a refusal, what lets a page of an allowed origin read it. */
export async function forOrigin<T>(request: StoreRequest, place: Place, work: () => Promise<Answer<T>>): Promise<Answer<T>> {
  const origin = headerOf(request.headers, 'origin');
  if (origin === undefined || place.container === undefined) return work();
  const container = (await lookAt(request, place))?.container;
  if (!container || !isAllowed(container, origin)) return work();
  try {
    const answer = await work();
    return new Answer(answer.body, { ...(answer.status === undefined ? {} : { status: answer.status }), headers: { ...answer.headers, ...allowing(container, origin, answer.headers) } });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(error.status, error.code, error.message, { headers: { ...error.headers, ...allowing(container, origin, error.headers) }, cause: error });
  }
}

/** What may be asked; to a page of another origin only where the container lets it in. */
export async function optionsAnswer(request: StoreRequest, place: Place, methods: string): Promise<Answer<undefined>> {
  const origin = headerOf(request.headers, 'origin');
  const wanted = headerOf(request.headers, 'access-control-request-method');
  if (origin === undefined || place.container === undefined) return new Answer(undefined, { headers: { allow: methods, 'content-length': '0' } });
  const container = (await lookAt(request, place))?.container;
  if (!container || !isAllowed(container, origin) || wanted === undefined || !methods.split(', ').includes(wanted)) throw new Fault(401, 'Unauthorized', explanationOf(401), { headers: { allow: methods } });
  const { [`${meta}max-age`]: maxAge } = container.headers;
  const asked = headerOf(request.headers, 'access-control-request-headers');
  const isForAll = allowedOrigins(container).includes('*');
  return new Answer(undefined, {
    headers: {
      allow: methods,
      'content-length': '0',
      'access-control-allow-methods': methods,
      'access-control-allow-origin': isForAll ? '*' : origin,
      ...(maxAge === undefined ? {} : { 'access-control-max-age': maxAge }),
      ...(asked === undefined ? {} : { 'access-control-allow-headers': asked }),
      vary: [...(isForAll ? [] : ['Origin']), ...(asked === undefined ? [] : ['Access-Control-Request-Headers'])].join(', '),
    },
  });
}

function isAllowed(container: Container, origin: string): boolean {
  const allowed = allowedOrigins(container);
  return allowed.includes('*') || allowed.includes(origin);
}

function allowedOrigins({ headers }: Container): string[] {
  return (headers[`${meta}allow-origin`] ?? '').split(/\s+/).filter((each) => each !== '');
}

function allowing(container: Container, origin: string, shown: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.keys(shown).filter((name) => /^x-(container|object)-meta-/.test(name));
  const more = (container.headers[`${meta}expose-headers`] ?? '').split(/[\s,]+/).filter((each) => each !== '').map((each) => each.toLowerCase());
  const isForAll = allowedOrigins(container).includes('*');
  return {
    'access-control-allow-origin': isForAll ? '*' : origin,
    'access-control-expose-headers': [...new Set([...always, ...own, ...more])].toSorted().join(', '),
    ...(isForAll ? {} : { vary: [shown['vary'], 'Origin'].filter(Boolean).join(', ') }),
  };
}
