/**
 * One region that spans all: the same services once more, below `/virtual/<name>`, where each operation is answered by
 * the region that it concerns. What a request may hold is checked there, at the version that the client asked for.
 */
import { compute } from './compute/service.ts';
import type { Operation, Operations, Service } from './contract.ts';
import { image } from './image/service.ts';
import { network } from './network/service.ts';
import { volume } from './volume/service.ts';

/** As it is called in the catalog. */
export const virtualRegion = 'anywhere';

const prefix = `/virtual/${virtualRegion}`;

export const virtualServices: readonly Service[] = [compute, image, volume, network].map(spanning);

function spanning(service: Service): Service {
  const nouns = Object.entries(service.nouns).map(([noun, operations]): [string, Operations] => [noun, Object.fromEntries(Object.entries(operations).map(([name, operation]) => [name, passedOn(operation)]))]);
  return {
    ...service,
    root: `${prefix}${service.root}`,
    path: `${prefix}${service.path}`,
    catalogPath: `${prefix}${service.catalogPath}`,
    ...(service.olderPath === undefined ? {} : { olderPath: `${prefix}${service.olderPath}` }),
    where: 'home',
    ...(service.microversions ? { microversions: { ...service.microversions, changes: [] } } : {}),
    discovery: service.discovery.map((page) => ({ ...page, path: `${prefix}${page.path}`, document: (base: string) => page.document(`${base}${prefix}`) })),
    nouns: Object.fromEntries(nouns),
  };
}

/** Right and path as they are; the rest is judged where it is done, in transactions of its own. */
function passedOn(whole: Operation): Operation {
  const { response, body, ...operation } = whole;
  delete operation.params;
  delete operation.query;
  delete operation.list;
  return {
    ...operation,
    effects: 'own',
    ...(body === undefined ? {} : { body: body === 'stream' ? body : {}, bodyOptional: true }),
    ...(response === 'stream' ? { response } : {}),
  };
}
