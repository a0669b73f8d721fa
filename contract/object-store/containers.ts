/** Containers: api-ref/source/storage-container-services.inc. */
import { operations } from '../contract.ts';
import { objectListing } from './listings.ts';
import { anything, containerPath } from './paths.ts';

const access = (verb: string, who: 'reader' | 'member' | 'anyone') => ({ rule: `object-store:${verb}_container`, who, grantable: true }) as const;

export const containers = operations({
  list: { method: 'GET', path: '/{account}/{container}', params: containerPath, query: objectListing, summary: 'List the objects of a container, or show it as a web site', access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 200, otherStatuses: [204, 206, 301, 304], response: 'stream' },
  head: { method: 'HEAD', path: '/{account}/{container}', params: containerPath, summary: "A container's metadata", access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 204, otherStatuses: [200, 301, 304] },
  put: { method: 'PUT', path: '/{account}/{container}', params: containerPath, summary: 'Make a container, or unpack an archive into it', access: access('put', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 201, otherStatuses: [200, 202], response: 'stream' },
  update: { method: 'POST', path: '/{account}/{container}', params: containerPath, summary: "Change a container's metadata, or upload by a form", access: access('post', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 204, otherStatuses: [201, 303], response: 'stream' },
  delete: { method: 'DELETE', path: '/{account}/{container}', params: containerPath, summary: 'Delete an empty container', access: access('delete', 'member'), stability: 'stable', effects: 'own', status: 204, response: 'stream' },
  options: { method: 'OPTIONS', path: '/{account}/{container}', params: containerPath, summary: 'What may be asked of a container, from which origins', access: access('options', 'anyone'), stability: 'stable', effects: 'own', status: 200 },
});
