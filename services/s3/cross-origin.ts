/** What pages of other origins may do with a bucket: API_CORSRule. */
import { Fault } from '../../kit/fault.ts';
import { Answer } from '../../kit/http/implement.ts';
import { headerOf } from '../object-store/header-text.ts';
import { lookAt, type StoreRequest } from '../object-store/visits.ts';
import { emptyAnswer, withHeaders } from './answers.ts';
import { placeOf } from './places.ts';
import { refused } from './refusals.ts';
import { childrenOf, demandOnly, document, malformed, parse, textOf } from './xml.ts';

export type CorsRule = { id?: string; origins: string[]; methods: string[]; headers: string[]; exposed: string[]; maxAge?: number };

const mostRules = 100;
const methods = ['GET', 'PUT', 'HEAD', 'POST', 'DELETE'];

export function corsOf({ facts }: { facts: Readonly<Record<string, unknown>> }): CorsRule[] | undefined {
  return facts['cors'] as CorsRule[] | undefined;
}

export function readCors(text: string): CorsRule[] {
  const root = parse(text, 'CORSConfiguration');
  demandOnly(root, ['CORSRule']);
  const rules = childrenOf(root, 'CORSRule').map((rule): CorsRule => {
    demandOnly(rule, ['ID', 'AllowedOrigin', 'AllowedMethod', 'AllowedHeader', 'ExposeHeader', 'MaxAgeSeconds']);
    const texts = (name: string) => childrenOf(rule, name).map((each) => each.text.trim());
    const [origins, wished, age] = [texts('AllowedOrigin'), texts('AllowedMethod'), textOf(rule, 'MaxAgeSeconds')];
    if (origins.length === 0 || wished.length === 0 || (age !== undefined && !/^\d{1,9}$/.test(age))) throw malformed();
    for (const method of wished) if (!methods.includes(method)) throw refused('InvalidRequest', `Found unsupported HTTP method in CORS config. Unsupported method is ${method.slice(0, 20)}`);
    for (const each of [...origins, ...texts('AllowedHeader')]) if (each.split('*').length > 2) throw refused('InvalidRequest', `"${each.slice(0, 100)}" can not have more than one wildcard.`);
    const id = textOf(rule, 'ID');
    return { ...(id === undefined ? {} : { id }), origins, methods: wished, headers: texts('AllowedHeader'), exposed: texts('ExposeHeader'), ...(age === undefined ? {} : { maxAge: Number(age) }) };
  });
  if (rules.length === 0 || rules.length > mostRules) throw malformed();
  return rules;
}

export function corsDocument(rules: readonly CorsRule[]): string {
  return document('CORSConfiguration', { CORSRule: rules.map(({ id, origins, methods, headers, exposed, maxAge }) => ({ ID: id, AllowedOrigin: origins, AllowedMethod: methods, AllowedHeader: headers, ExposeHeader: exposed, MaxAgeSeconds: maxAge })) });
}

/** Adds to a reply, and to a refusal, what lets a page of an allowed origin read it. */
export async function forOrigin<T>(request: StoreRequest & { method: string }, bucket: string, work: () => Promise<Answer<T>>): Promise<Answer<T>> {
  const origin = headerOf(request.headers, 'origin');
  const rule = origin === undefined ? undefined : ruleFor(await rulesAt(request, bucket), origin, request.method, []);
  if (origin === undefined || !rule) return work();
  const allowing = allowingHeaders(rule, origin);
  try {
    return withHeaders(await work(), allowing);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(error.status, error.code, error.message, { headers: { ...error.headers, ...allowing }, cause: error });
  }
}

export async function preflight(request: StoreRequest, bucket: string): Promise<Answer<undefined>> {
  const [origin, method] = [headerOf(request.headers, 'origin'), headerOf(request.headers, 'access-control-request-method')];
  if (origin === undefined) throw refused('InvalidRequest', 'Insufficient information. Origin request header needed.');
  if (method === undefined) throw refused('InvalidRequest', 'Invalid Access-Control-Request-Method: null');
  const asked = (headerOf(request.headers, 'access-control-request-headers') ?? '').split(',').map((each) => each.trim().toLowerCase()).filter((each) => each !== '');
  const rule = ruleFor(await rulesAt(request, bucket), origin, method, asked);
  if (!rule) throw refused('AccessDenied', 'CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource\'s CORS spec.');
  const { body: _, headers } = emptyAnswer(200, { ...allowingHeaders(rule, origin), ...(asked.length === 0 ? {} : { 'access-control-allow-headers': asked.join(', ') }), ...(rule.maxAge === undefined ? {} : { 'access-control-max-age': String(rule.maxAge) }) });
  return new Answer(undefined, { headers });
}

async function rulesAt(request: StoreRequest, bucket: string): Promise<CorsRule[]> {
  // A page's first question carries no signature: of a bucket without its project nobody can say anything.
  if (request.caller.projectId === null && !bucket.includes(':')) return [];
  const { account, container } = placeOf(bucket, request.caller);
  const found = await lookAt(request, { account, container });
  return (found?.container && corsOf(found.container)) ?? [];
}

function ruleFor(rules: readonly CorsRule[], origin: string, method: string, asked: readonly string[]): CorsRule | undefined {
  return rules.find(({ origins, methods, headers }) => origins.some((each) => fits(each, origin)) && methods.includes(method) && asked.every((name) => headers.some((each) => fits(each.toLowerCase(), name))));
}

/** At most one star, for any text. */
function fits(pattern: string, text: string): boolean {
  const [start = '', end] = pattern.split('*');
  return end === undefined ? start === text : text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}

function allowingHeaders({ origins, methods, exposed }: CorsRule, origin: string): Record<string, string> {
  const isForAll = origins.includes('*');
  return {
    'access-control-allow-origin': isForAll ? '*' : origin,
    'access-control-allow-methods': methods.join(', '),
    ...(exposed.length === 0 ? {} : { 'access-control-expose-headers': exposed.join(', ') }),
    ...(isForAll ? {} : { 'access-control-allow-credentials': 'true' }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
}

