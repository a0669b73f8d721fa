/** Every operation that was promised, in the order of the contracts. */
import type { TSchema } from 'typebox';
import { compareVersions, newestOf, type Operation, type Service } from '../contract/contract.ts';
import { contracts } from '../contract/contracts.ts';
import { existsAt, schemaAt } from '../kit/http/schema.ts';
import { matches } from '../kit/http/versions.ts';

export type Promised = {
  /** `compute.servers.create` */
  id: string;
  service: Service;
  operation: Operation;
  /** The names of the parameters of its path, in order. */
  params: string[];
};

/** For whoever works on one service: `TEST_OPERATIONS=compute.servers` tries only those. */
const only = process.env['TEST_OPERATIONS'] ?? '';

export function everyOperation(): Promised[] {
  const all = contracts.flatMap((service) =>
    Object.entries(service.nouns).flatMap(([noun, operations]) =>
      Object.entries(operations).map(([name, operation]) => ({
        id: `${service.type}.${noun}.${name}`,
        service,
        operation,
        params: [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, param]) => param ?? ''),
      })),
    ),
  );
  return all.filter(({ id }) => id.startsWith(only)).flatMap(asOffered);
}

/** As it is at its newest microversion that is offered; what begins only later is no promise yet. */
function asOffered(promised: Promised): Promised[] {
  const { service, operation } = promised;
  if (service.microversions === undefined) return [promised];
  const version = newestOf(service, operation);
  if (version === undefined) return [];
  const at = <T extends TSchema | 'stream' | undefined>(schema: T) => (typeof schema === 'object' ? (existsAt(schema, version) ? schemaAt(schema, version) : undefined) : schema);
  const { query, response } = operation;
  const noun = promised.id.slice(service.type.length + 1);
  const olderBody = service.microversions.changes
    .filter((change) => change.body && compareVersions(version, change.version) < 0 && change.operations.some((pattern) => matches(pattern, noun)))
    .toSorted((one, other) => compareVersions(one.version, other.version))[0]?.body;
  const body = olderBody ?? operation.body;
  return [{ ...promised, operation: { ...operation, ...(body === undefined ? {} : { body: at(body) }), ...(query === undefined ? {} : { query: at(query) }), ...(response === undefined ? {} : { response: at(response) }) } }];
}

export function changes({ operation }: Promised): boolean {
  return operation.method !== 'GET' && operation.method !== 'HEAD';
}
