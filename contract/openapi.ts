/** A contract as an OpenAPI 3.1 document: its schemas are JSON Schema 2020-12 already. */
import type { TSchema } from 'typebox';
import type { Operation, Service } from './contract.ts';

type Json = Record<string, unknown>;

export function openApiOf(service: Service): Json {
  const paths: Record<string, Json> = {};
  for (const [noun, operations] of Object.entries(service.nouns))
    for (const [name, operation] of Object.entries(operations)) {
      const at = (paths[operation.path] ??= {});
      // OpenAPI 3.1 has no word for it.
      const method = operation.method === 'COPY' ? 'x-copy' : operation.method.toLowerCase();
      const described = describe(service, `${noun}.${name}`, noun, operation);
      at[method] = at[method] === undefined ? described : together(at[method] as Json, described);
    }
  return {
    openapi: '3.1.0',
    info: {
      title: service.title,
      version: service.microversions?.max ?? service.path.split('/').at(-1)?.replace(/^v/, '') ?? '1',
      ...(service.microversions ? { 'x-min-version': service.microversions.min, 'x-max-version': service.microversions.max, 'x-version-header': `OpenStack-API-Version: ${service.microversions.name}` } : {}),
    },
    servers: [{ url: service.path }],
    paths: Object.fromEntries(Object.entries(paths).sort(([one], [other]) => (one < other ? -1 : 1))),
    components: { securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } } },
  };
}

function describe(service: Service, id: string, noun: string, operation: Operation): Json {
  const { access } = operation;
  return {
    operationId: id,
    tags: [noun],
    summary: operation.summary,
    ...(operation.stability === 'stable' ? {} : { 'x-stability': operation.stability }),
    ...(operation.stability === 'deprecated' ? { deprecated: true } : {}),
    ...(operation.since === undefined ? {} : { 'x-since': operation.since }),
    ...(operation.until === undefined ? {} : { 'x-until': operation.until }),
    'x-access': { rule: access.rule, who: access.who, ...(access.adminEverywhere === true ? { adminEverywhere: true } : {}) },
    security: access.who === 'anyone' ? [] : [{ token: [] }],
    parameters: [...pathParameters(operation), ...queryParameters(operation)],
    ...(operation.body === undefined ? {} : { requestBody: requestBody(operation, operation.body) }),
    responses: {
      ...Object.fromEntries([operation.status, ...(operation.otherStatuses ?? [])].map((status) => [String(status), reply(operation)])),
      default: { description: `A refusal in the shape of ${service.name}` },
    },
  };
}

function pathParameters(operation: Operation): Json[] {
  return [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: propertiesOf(operation.params)[name ?? ''] ?? { type: 'string', maxLength: 255 } }));
}

function queryParameters(operation: Operation): Json[] {
  return Object.entries(propertiesOf(operation.query)).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}

function propertiesOf(schema: TSchema | undefined): Record<string, unknown> {
  return ((schema as Json | undefined)?.['properties'] as Record<string, unknown> | undefined) ?? {};
}

function requestBody(operation: Operation, body: TSchema | 'stream'): Json {
  const types = operation.consumes ?? [body === 'stream' ? 'application/octet-stream' : 'application/json'];
  const schema = body === 'stream' ? { type: 'string', format: 'binary' } : plain(body);
  return { required: operation.bodyOptional !== true, content: Object.fromEntries(types.map((type) => [type, { schema }])) };
}

function reply(operation: Operation): Json {
  if (operation.response === undefined) return { description: 'Done; no body' };
  const stream = operation.response === 'stream';
  return { description: 'Done', content: { [stream ? 'application/octet-stream' : 'application/json']: { schema: stream ? { type: 'string', format: 'binary' } : plain(operation.response as TSchema) } } };
}

/** Operations that share a path and method and are told apart by the body: one OpenAPI operation with alternatives. */
function together(one: Json, other: Json): Json {
  const schemaOf = (operation: Json) => ((operation['requestBody'] as Json | undefined)?.['content'] as Record<string, { schema: Json }> | undefined)?.['application/json']?.schema ?? {};
  const before = schemaOf(one)['oneOf'];
  const alternatives = Array.isArray(before) ? before : [{ ...schemaOf(one), 'x-operation': one['operationId'], 'x-access': one['x-access'], 'x-since': one['x-since'], 'x-until': one['x-until'] }];
  return {
    ...one,
    summary: 'One of several actions, picked by the key of the body',
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { oneOf: [...alternatives, { ...schemaOf(other), 'x-operation': other['operationId'], 'x-access': other['x-access'], 'x-since': other['x-since'], 'x-until': other['x-until'] }] } } },
    },
    responses: { ...(other['responses'] as Json), ...(one['responses'] as Json) },
  };
}

/** Without what only the compiler needs. */
function plain(schema: TSchema): Json {
  return JSON.parse(JSON.stringify(schema)) as Json;
}
