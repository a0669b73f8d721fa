/** What the operations of a service are about, read from their paths: `/servers/{server_id}/ips` is about one of `servers`. */
import type { Operation, Service } from '../../../contract/contract.ts';

/** The collection and the parameter of the thing that an operation names first; undefined when it names none. */
export function subjectOf({ path }: Operation): { collection: string; parameter: string } | undefined {
  const found = /^\/(.+?)\/\{(\w+)\}/.exec(path);
  return found ? { collection: found[1]!, parameter: found[2]! } : undefined;
}

/** The collection that an operation lists or adds to. */
export function collectionOf({ path }: Operation): string {
  return path.replace(/^\//, '').replace(/\/detail$/, '');
}

/** How a thing of this collection is looked at; undefined when it cannot be. */
export function showOf(service: Service, collection: string): Operation | undefined {
  return operationsOf(service).find((operation) => operation.method === 'GET' && new RegExp(`^/${collection}/\\{\\w+\\}$`).test(operation.path));
}

export function operationAt(service: Service, method: Operation['method'], path: string): Operation {
  const found = operationsOf(service).find((operation) => operation.method === method && operation.path.replaceAll(/\{\w+\}/g, '{}') === path && operation.action === undefined);
  if (!found) throw new Error(`${service.type} has no ${method} ${path}`);
  return found;
}

function operationsOf(service: Service): Operation[] {
  return Object.values(service.nouns).flatMap((noun) => Object.values(noun));
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Every id that stands alone somewhere in a body. */
export function idsIn(value: unknown, found: Set<string> = new Set()): Set<string> {
  if (typeof value === 'string' && uuid.test(value)) found.add(value);
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) idsIn(each, found);
  return found;
}

/** The same body with other ids. */
export function withIds<T>(value: T, ids: ReadonlyMap<string, string>): T {
  if (typeof value === 'string') return (ids.get(value) ?? value) as T;
  if (Array.isArray(value)) return value.map((each: unknown) => withIds(each, ids)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withIds(each as unknown, ids)])) as T;
}
