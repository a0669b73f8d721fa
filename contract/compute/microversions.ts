/** Steps between Nova's microversions that marks cannot express. nova/api/openstack/compute/rest_api_version_history.rst */
import type { Change } from '../contract.ts';
import { operatorChanges } from './operators.changes.ts';
import { serverChanges } from './servers.changes.ts';

/** Every noun is right up to here; 2.22 (live migrations that are made to end) is the first that is not. */
export const newest = '2.21';

export const changes: readonly Change[] = [...operatorChanges, ...serverChanges];
