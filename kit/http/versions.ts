/** Microversions at the door: negotiation, and one operation as it was at one of them. */
import type { TSchema } from 'typebox';
import { compareVersions, type Change, type Operation, type Service } from '../../contract/contract.ts';
import { Fault } from '../fault.ts';
import { checker, queryReader, reducer, schemaAt, type Check } from './schema.ts';

export type Headers = Record<string, string | string[] | undefined>;

/** The microversion that these headers ask for; undefined for a service without any. */
export function negotiate(service: Service, headers: Headers): string | undefined {
  const versions = service.microversions;
  if (!versions) return undefined;
  const wanted = asked(versions.name, versions.legacyHeader, headers);
  if (wanted === undefined) return versions.min;
  if (wanted === 'latest') return versions.max;
  if (!/^\d{1,3}\.\d{1,4}$/.test(wanted)) throw new Fault(400, 'badRequest', versions.refusals?.malformed(wanted) ?? `API Version String ${wanted} is of invalid format. Must be of format MajorNum.MinorNum.`);
  if (compareVersions(wanted, versions.min) < 0 || compareVersions(wanted, versions.max) > 0)
    throw new Fault(406, 'computeFault', versions.refusals?.unsupported(wanted) ?? `Version ${wanted} is not supported by the API. Minimum is ${versions.min} and maximum is ${versions.max}.`);
  return wanted;
}

/** The same; undefined also where there is no such version. */
export function negotiated(service: Service | undefined, headers: Headers): string | undefined {
  try {
    return service && negotiate(service, headers);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

function asked(name: string, legacyHeader: string | undefined, headers: Headers): string | undefined {
  for (const part of String(headers['openstack-api-version'] ?? '').split(',')) {
    const [service, version] = part.trim().split(/\s+/);
    if (service === name && version !== undefined) return version;
  }
  const legacy = legacyHeader === undefined ? undefined : headers[legacyHeader.toLowerCase()];
  return typeof legacy === 'string' ? legacy : undefined;
}

export function versionHeaders(service: Service, version: string | undefined): Record<string, string> {
  const versions = service.microversions;
  if (!versions || version === undefined) return {};
  const legacy = versions.legacyHeader;
  return {
    'openstack-api-version': `${versions.name} ${version}`,
    ...(legacy === undefined ? {} : { [legacy.toLowerCase()]: version }),
    vary: legacy === undefined ? 'OpenStack-API-Version' : `OpenStack-API-Version, ${legacy}`,
  };
}

/** An operation at one microversion: everything that its contract says, ready to be done. */
export type Served = {
  status: number;
  checkBody: Check | undefined;
  bodyOptional: boolean;
  checkQuery: Check | undefined;
  readQuery: ReturnType<typeof queryReader>;
  /** Parameters of the query that are not named are refused. */
  closedQuery: boolean;
  checkParams: Check | undefined;
  /** The contract says itself what this parameter of the path may be. */
  namesParam(name: string): boolean;
  /** From an older request's body to the newest one's. */
  newer(body: unknown): unknown;
  newerQuery(query: Record<string, unknown>): Record<string, unknown>;
  /** From the newest reply's body to this version's. */
  older(body: unknown): unknown;
  /** Of replies, those that this version does not have yet. */
  unknownHeaders: readonly string[];
};

/** Undefined: the operation does not exist at this microversion. */
export function servedAt(id: string, operation: Operation, service: Service, version: string | undefined): Served | undefined {
  if (version !== undefined) {
    if (operation.since !== undefined && compareVersions(version, operation.since) < 0) return undefined;
    if (operation.until !== undefined && compareVersions(version, operation.until) > 0) return undefined;
  }
  const changes = (service.microversions?.changes ?? []).filter(
    (change) => version !== undefined && compareVersions(version, change.version) < 0 && change.operations.some((pattern) => matches(pattern, id)),
  );
  const oldest = [...changes].sort((one, other) => compareVersions(one.version, other.version));
  const reduce = version === undefined || !isSchema(operation.response) ? undefined : reducer(operation.response, version);
  const otherBody = oldest.find((change) => change.body)?.body;
  const body = otherBody ?? (isSchema(operation.body) ? schemaAt(operation.body, version) : undefined);
  const query = operation.query === undefined ? undefined : schemaAt(operation.query, version);
  return {
    status: oldest.find((change) => change.status !== undefined)?.status ?? operation.status,
    checkBody: body === undefined ? undefined : checker(body),
    bodyOptional: operation.bodyOptional === true && otherBody === undefined,
    checkQuery: query === undefined ? undefined : checker(query),
    readQuery: queryReader(query),
    closedQuery: isClosedAt(operation.query, version),
    checkParams: operation.params === undefined ? undefined : checker(operation.params),
    namesParam: (name) => name in ((operation.params as { properties?: object } | undefined)?.properties ?? {}),
    newer: (given) => oldest.reduce((value, change) => apply(change, 'request', value), given),
    newerQuery: (given) => oldest.reduce((value, change) => apply(change, 'query', value) as Record<string, unknown>, given),
    unknownHeaders: oldest.flatMap((change) => change.newHeaders ?? []),
    older: (given) => {
      let value = given;
      for (const change of oldest.toReversed()) value = apply(change, 'response', value);
      reduce?.(value);
      return value;
    },
  };
}

function isClosedAt(query: TSchema | undefined, version: string | undefined): boolean {
  const since = (query as { 'x-closed-since'?: string } | undefined)?.['x-closed-since'];
  return since !== undefined && version !== undefined && compareVersions(version, since) >= 0;
}

function apply(change: Change, way: 'request' | 'response' | 'query', value: unknown): unknown {
  const transform = change[way] as ((body: unknown) => unknown) | undefined;
  return transform === undefined || value === undefined ? value : transform(value);
}

/** Whether a change names this operation, as `noun.operation`. */
export function matches(pattern: string, id: string): boolean {
  return pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : pattern === id;
}

function isSchema(schema: Operation['body'] | Operation['response']): schema is TSchema {
  return typeof schema === 'object';
}
