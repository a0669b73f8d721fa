/** Every operation that was promised, in the order of the contracts. */
import type { Operation, Service } from '../contract/contract.ts';
import { contracts } from '../contract/contracts.ts';

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
  return all.filter(({ id }) => id.startsWith(only));
}

export function changes({ operation }: Promised): boolean {
  return operation.method !== 'GET' && operation.method !== 'HEAD';
}
