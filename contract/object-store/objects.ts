/** Objects: api-ref/source/storage-object-services.inc. */
import { operations } from '../contract.ts';
import { anything, objectPath } from './paths.ts';

const access = (verb: string, who: 'reader' | 'member' | 'anyone') => ({ rule: `object-store:${verb}_object`, who, grantable: true }) as const;

export const objects = operations({
  get: { method: 'GET', path: '/{account}/{container}/{object}', rest: true, params: objectPath, summary: 'Fetch an object, or ranges of it', access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 200, otherStatuses: [206, 301, 304], response: 'stream' },
  head: { method: 'HEAD', path: '/{account}/{container}/{object}', rest: true, params: objectPath, summary: "An object's metadata", access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 200, otherStatuses: [301, 304] },
  put: { method: 'PUT', path: '/{account}/{container}/{object}', rest: true, params: objectPath, summary: 'Make an object, or write it anew', access: access('put', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 201, otherStatuses: [200], response: 'stream' },
  update: { method: 'POST', path: '/{account}/{container}/{object}', rest: true, params: objectPath, summary: "Change an object's metadata, or upload by a form", access: access('post', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 202, otherStatuses: [201, 303], response: 'stream' },
  delete: { method: 'DELETE', path: '/{account}/{container}/{object}', rest: true, params: objectPath, summary: 'Delete an object', access: access('delete', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 204, otherStatuses: [200], response: 'stream' },
  copy: { method: 'COPY', path: '/{account}/{container}/{object}', rest: true, params: objectPath, summary: 'Copy an object', access: access('copy', 'member'), stability: 'stable', effects: 'own', status: 201, response: 'stream' },
  options: { method: 'OPTIONS', path: '/{account}/{container}/{object}', rest: true, params: objectPath, summary: 'What may be asked of an object, from which origins', access: access('options', 'anyone'), stability: 'stable', effects: 'own', status: 200 },
});
