/** Objects; what is asked of one besides itself is picked by the name of a parameter of the query, such as `?tagging`. */
import { operations } from '../contract.ts';
import { anything, objectPath } from './paths.ts';

const access = (verb: string, who: 'reader' | 'member' | 'anyone') => ({ rule: `s3:${verb}_object`, who, grantable: true }) as const;

export const objects = operations({
  get: { method: 'GET', path: '/{bucket}/{key}', rest: true, params: objectPath, summary: 'Fetch an object or a part of it, or show one of its settings', access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 200, otherStatuses: [206, 304], response: 'stream' },
  head: { method: 'HEAD', path: '/{bucket}/{key}', rest: true, params: objectPath, summary: 'What is known of an object', access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 200, otherStatuses: [206, 304] },
  put: { method: 'PUT', path: '/{bucket}/{key}', rest: true, params: objectPath, summary: 'Write, or copy, an object or a part of one; or change one of its settings', access: access('put', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 200, response: 'stream' },
  post: { method: 'POST', path: '/{bucket}/{key}', rest: true, params: objectPath, summary: 'Begin or complete an upload in parts', access: access('post', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 200, response: 'stream' },
  delete: { method: 'DELETE', path: '/{bucket}/{key}', rest: true, params: objectPath, summary: 'Delete an object, or give up an upload in parts', access: access('delete', 'member'), stability: 'stable', effects: 'own', status: 204, response: 'stream' },
  options: { method: 'OPTIONS', path: '/{bucket}/{key}', rest: true, params: objectPath, summary: 'What pages of an origin may ask of an object', access: access('options', 'anyone'), stability: 'stable', effects: 'own', status: 200 },
});
