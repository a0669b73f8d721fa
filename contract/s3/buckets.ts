/**
 * Buckets, which Swift calls containers. What is asked of one besides itself, its settings and lists, is picked by the
 * name of a parameter of the query, such as `?versioning`.
 */
import { operations } from '../contract.ts';
import { anything, bucketPath } from './paths.ts';

const access = (verb: string, who: 'reader' | 'member' | 'anyone') => ({ rule: `s3:${verb}_bucket`, who, grantable: true }) as const;

export const buckets = operations({
  get: { method: 'GET', path: '/{bucket}', params: bucketPath, summary: "List a bucket's objects, versions or uploads, or show one of its settings", access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 200, response: 'stream' },
  head: { method: 'HEAD', path: '/{bucket}', params: bucketPath, summary: 'Whether a bucket is there', access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 200 },
  put: { method: 'PUT', path: '/{bucket}', params: bucketPath, summary: 'Make a bucket, or change one of its settings', access: access('put', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 200, otherStatuses: [204], response: 'stream' },
  post: { method: 'POST', path: '/{bucket}', params: bucketPath, summary: "Delete many objects, or keep the file of a page's form", access: access('post', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 200, otherStatuses: [201, 204, 303], response: 'stream' },
  delete: { method: 'DELETE', path: '/{bucket}', params: bucketPath, summary: 'Delete an empty bucket, or one of its settings', access: access('delete', 'member'), stability: 'stable', effects: 'own', status: 204, response: 'stream' },
  options: { method: 'OPTIONS', path: '/{bucket}', params: bucketPath, summary: 'What pages of an origin may ask of a bucket', access: access('options', 'anyone'), stability: 'stable', effects: 'own', status: 200 },
});
