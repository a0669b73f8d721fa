/** What is asked of no bucket: API_ListBuckets. */
import { operations } from '../contract.ts';

export const account = operations({
  list: { method: 'GET', path: '/', summary: "List the project's buckets", access: { rule: 's3:list_buckets', who: 'reader', grantable: true }, stability: 'stable', effects: 'own', status: 200, response: 'stream' },
});
