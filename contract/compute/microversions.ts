/** Steps between Nova's microversions that marks cannot express. nova/api/openstack/compute/rest_api_version_history.rst */
import type { Change } from '../contract.ts';
import { operatorChanges } from './operators.changes.ts';
import { serverChanges } from './servers.changes.ts';

/** Nova's newest of 2025.1 and 2025.2. */
export const newest = '2.100';

export const changes: readonly Change[] = [...operatorChanges, ...serverChanges];
