/** What a newer OpenAPI document no longer promises that an older one did. Both are `openApiOf`'s. */

type Json = { readonly [key: string]: unknown };

/** A request may not be taken less willingly; a reply may not say less. */
type Way = 'request' | 'reply';

/** Sentences, one for each promise that was taken back; empty when the newer document only adds. */
export function takenBack(before: Json, after: Json): string[] {
  const found: string[] = [];
  compareVersions(node(before['info']), node(after['info']), found);
  for (const [path, methods] of Object.entries(node(before['paths'])))
    for (const [method, operation] of Object.entries(node(methods))) {
      const place = `${method.toUpperCase()} ${path}`;
      const now = at(after, 'paths', path, method);
      if (now === undefined) found.push(`${place} is gone`);
      else compareOperations(place, node(operation), node(now), found);
    }
  return found;
}

function compareVersions(before: Json, after: Json, found: string[]): void {
  const number = (info: Json, key: string) => (typeof info[key] === 'string' ? numberOf(info[key]) : undefined);
  const [oldest, newest] = [number(before, 'x-min-version'), number(before, 'x-max-version')];
  if (oldest !== undefined && (number(after, 'x-min-version') ?? Infinity) > oldest) found.push('the oldest microversion is served no longer');
  if (newest !== undefined && (number(after, 'x-max-version') ?? -1) < newest) found.push('the newest microversion is served no longer');
}

const numberOf = (version: string) => version.split('.').reduce((sum, part) => sum * 10_000 + Number(part), 0);

const ranks = ['anyone', 'user', 'reader', 'member', 'manager', 'renter', 'admin'];

function compareOperations(place: string, before: Json, after: Json, found: string[]): void {
  compareAccess(place, node(before['x-access']), node(after['x-access']), found);
  compareExistence(place, before, after, found);
  const parameters = new Map(list(after['parameters']).map((each) => [`${text(each['in'])} ${text(each['name'])}`, each]));
  for (const parameter of list(before['parameters'])) {
    const name = `${text(parameter['in'])} ${text(parameter['name'])}`;
    const now = parameters.get(name);
    if (now === undefined) found.push(`${place}: the parameter ${name} is gone`);
    else compareSchemas(`${place} ${name}`, 'request', parameter['schema'], now['schema'], found);
    parameters.delete(name);
  }
  for (const [name, parameter] of parameters) if (parameter['required'] === true) found.push(`${place}: the new parameter ${name} is required`);
  compareBodies(place, before, after, found);
  for (const [status, reply] of Object.entries(node(before['responses']))) {
    const now = at(after, 'responses', status);
    if (now === undefined) found.push(`${place} no longer answers ${status}`);
    else for (const [type, content] of Object.entries(node(node(reply)['content']))) compareSchemas(`${place} ${status}`, 'reply', node(content)['schema'], at(node(now), 'content', type, 'schema'), found);
  }
}

function compareAccess(place: string, before: Json, after: Json, found: string[]): void {
  const rank = (access: Json) => ranks.indexOf(access['who'] === 'service' ? 'admin' : text(access['who']));
  if (rank(after) > rank(before)) found.push(`${place}: ${text(before['who'])} may no longer call it`);
  if (before['adminEverywhere'] === true && after['adminEverywhere'] !== true) found.push(`${place}: administrators no longer reach every project`);
}

function compareExistence(place: string, before: Json, after: Json, found: string[]): void {
  const [since, until] = [after['x-since'], after['x-until']];
  if (typeof since === 'string' && (before['x-since'] === undefined || numberOf(since) > numberOf(text(before['x-since'])))) found.push(`${place} no longer exists before ${since}`);
  if (typeof until === 'string' && (before['x-until'] === undefined || numberOf(until) < numberOf(text(before['x-until'])))) found.push(`${place} no longer exists after ${until}`);
}

function compareBodies(place: string, before: Json, after: Json, found: string[]): void {
  const [body, now] = [before['requestBody'], after['requestBody']];
  if (body === undefined) return void (node(now)['required'] === true && found.push(`${place} now needs a body`));
  if (now === undefined) return void found.push(`${place} no longer takes a body`);
  if (node(body)['required'] === false && node(now)['required'] !== false) found.push(`${place} now needs a body`);
  for (const [type, content] of Object.entries(node(node(body)['content']))) {
    const here = at(node(now), 'content', type);
    if (here === undefined) found.push(`${place} no longer takes ${type}`);
    else compareSchemas(`${place} body`, 'request', node(content)['schema'], node(here)['schema'], found);
  }
}

function compareSchemas(place: string, way: Way, before: unknown, after: unknown, found: string[]): void {
  if (!isNode(before)) return;
  if (!isNode(after)) return void found.push(`${place} is described no longer`);
  compareExistence(place, before, after, found);
  compareTypes(place, way, before, after, found);
  compareValues(place, before, after, found);
  if (way === 'request') compareLimits(place, before, after, found);
  compareFields(place, way, before, after, found);
  compareSchemas(`${place}[]`, way, before['items'], after['items'] ?? {}, found);
  compareAlternatives(place, way, before, after, found);
}

function compareTypes(place: string, way: Way, before: Json, after: Json, found: string[]): void {
  const [had, has] = [typesOf(before), typesOf(after)];
  const [wider, narrower] = way === 'request' ? [had, has] : [has, had];
  // No type at all is every type.
  if (narrower.size === 0) return;
  if (wider.size === 0) return void found.push(way === 'request' ? `${place} no longer takes every type` : `${place} may now be of any type`);
  for (const type of wider)
    if (!narrower.has(type) && !(type === 'integer' && narrower.has('number'))) found.push(way === 'request' ? `${place} may no longer be of type ${type}` : `${place} may now be of type ${type}`);
}

function typesOf(schema: Json): Set<string> {
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 0) {
    const each = alternatives.map(typesOf);
    return each.some((types) => types.size === 0) ? new Set() : new Set(each.flatMap((types) => [...types]));
  }
  if (typeof schema['type'] === 'string') return new Set([schema['type']]);
  const values = valuesOf(schema);
  return new Set((values ?? []).map((value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)));
}

function compareValues(place: string, before: Json, after: Json, found: string[]): void {
  const [had, has] = [valuesOf(before), valuesOf(after)];
  if (!had || !has) return;
  const kept = new Set(has.map((value) => JSON.stringify(value)));
  for (const value of had) if (!kept.has(JSON.stringify(value))) found.push(`${place} no longer knows the value ${JSON.stringify(value)}`);
}

/** The values that a schema names one by one; undefined when it does not. */
function valuesOf(schema: Json): unknown[] | undefined {
  if (Array.isArray(schema['enum'])) return schema['enum'];
  if ('const' in schema) return [schema['const']];
  const each = alternativesOf(schema).map(valuesOf);
  const named = each.filter((values) => values !== undefined);
  return named.length > 0 && named.length === each.length ? named.flat() : undefined;
}

const upper = ['maxLength', 'maximum', 'exclusiveMaximum', 'maxItems', 'maxProperties'];
const lower = ['minLength', 'minimum', 'exclusiveMinimum', 'minItems', 'minProperties'];

function compareLimits(place: string, before: Json, after: Json, found: string[]): void {
  const limit = (schema: Json, key: string, none: number) => (typeof schema[key] === 'number' ? schema[key] : none);
  for (const key of upper) if (limit(after, key, Infinity) < limit(before, key, Infinity)) found.push(`${place}: ${key} went down to ${text(after[key])}`);
  for (const key of lower) if (limit(after, key, -Infinity) > limit(before, key, -Infinity)) found.push(`${place}: ${key} went up to ${text(after[key])}`);
  for (const key of ['pattern', 'format', 'uniqueItems'])
    if (after[key] !== undefined && after[key] !== before[key]) found.push(`${place}: ${key} is now ${text(after[key])}`);
}

function compareFields(place: string, way: Way, before: Json, after: Json, found: string[]): void {
  const [had, has] = [node(before['properties']), node(after['properties'])];
  const [needed, needs] = [names(before['required']), names(after['required'])];
  for (const [name, schema] of Object.entries(had)) {
    if (has[name] === undefined) found.push(`${place}.${name} is gone`);
    else compareSchemas(`${place}.${name}`, way, schema, has[name], found);
    if (way === 'reply' && needed.has(name) && has[name] !== undefined && !needs.has(name)) found.push(`${place}.${name} may now be missing`);
  }
  if (way === 'request') for (const name of needs) if (!needed.has(name)) found.push(`${place}.${name} is now required`);
  if (way === 'request' && before['additionalProperties'] !== false && after['additionalProperties'] === false && (before['type'] === 'object' || before['properties'] !== undefined))
    found.push(`${place} no longer takes other fields`);
  for (const pattern of Object.keys(node(before['patternProperties']))) compareSchemas(`${place}.*`, way, at(before, 'patternProperties', pattern), at(after, 'patternProperties', pattern) ?? after['additionalProperties'] ?? {}, found);
}

/** Alternatives that are objects are told apart by their operation, else by what they need. */
function compareAlternatives(place: string, way: Way, before: Json, after: Json, found: string[]): void {
  const objects = (schema: Json) => alternativesOf(schema).filter((each) => each['properties'] !== undefined);
  const now = new Map(objects(after).map((each) => [signature(each), each]));
  for (const each of objects(before)) {
    const key = signature(each);
    const counterpart = now.get(key) ?? (objects(before).length === 1 && now.size === 1 ? [...now.values()][0] : undefined);
    if (counterpart === undefined) found.push(`${place}: the alternative ${key} is gone`);
    else {
      compareSchemas(`${place}(${key})`, way, each, counterpart, found);
      if (each['x-access'] !== undefined) compareAccess(`${place}(${key})`, node(each['x-access']), node(counterpart['x-access']), found);
    }
  }
}

function signature(schema: Json): string {
  return typeof schema['x-operation'] === 'string' ? schema['x-operation'] : [...names(schema['required'])].sort().join(' ');
}

function alternativesOf(schema: Json): Json[] {
  return ['anyOf', 'oneOf'].flatMap((key) => list(schema[key]));
}

function names(value: unknown): Set<string> {
  return new Set(Array.isArray(value) ? value.map(String) : []);
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function at(from: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((here, key) => (isNode(here) ? here[key] : undefined), from);
}

function node(value: unknown): Json {
  return isNode(value) ? value : {};
}

function isNode(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
