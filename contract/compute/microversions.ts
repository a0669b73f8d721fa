/** Steps between Nova's microversions that marks cannot express. nova/api/openstack/compute/rest_api_version_history.rst */
import type { Change } from '../contract.ts';
import { operatorChanges } from './operators.changes.ts';

/** Every noun is right up to here; 2.6 (remote consoles) is the first that is not. */
export const newest = '2.5';

export const changes: readonly Change[] = [
  ...operatorChanges,
  { version: '2.2', title: 'Making a key pair is answered with 201', operations: ['keyPairs.create'], status: 200 },
  { version: '2.2', title: 'Deleting a key pair is answered with 204', operations: ['keyPairs.delete'], status: 202 },
];
