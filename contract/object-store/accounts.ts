/** Accounts: api-ref/source/storage-account-services.inc. */
import { operations } from '../contract.ts';
import { accountPath, anything } from './paths.ts';
import { accountListing } from './listings.ts';

const access = (verb: string, who: 'reader' | 'member' | 'anyone') => ({ rule: `object-store:${verb}_account`, who, grantable: true }) as const;

export const accounts = operations({
  show: { method: 'GET', path: '/{account}', params: accountPath, query: accountListing, summary: 'List the containers of an account', access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 200, otherStatuses: [204], response: 'stream' },
  head: { method: 'HEAD', path: '/{account}', params: accountPath, summary: "An account's metadata", access: access('get', 'reader'), stability: 'stable', effects: 'own', status: 204 },
  put: { method: 'PUT', path: '/{account}', params: accountPath, summary: 'Unpack an archive into containers, or make an account', access: access('put', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 200, otherStatuses: [201, 202], response: 'stream' },
  update: { method: 'POST', path: '/{account}', params: accountPath, summary: "Change an account's metadata, or delete many objects", access: access('post', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 204, otherStatuses: [200], response: 'stream' },
  delete: { method: 'DELETE', path: '/{account}', params: accountPath, summary: 'Delete an account with all that is in it, or many objects', access: access('delete', 'member'), stability: 'stable', effects: 'own', body: 'stream', bodyOptional: true, consumes: anything, status: 204, otherStatuses: [200], response: 'stream' },
  options: { method: 'OPTIONS', path: '/{account}', params: accountPath, summary: 'What may be asked of an account', access: access('options', 'anyone'), stability: 'stable', effects: 'own', status: 200 },
});
