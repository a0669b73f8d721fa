/** What Cinder's microversions changed that marks on the schemas cannot say: cinder/api/openstack/rest_api_version_history.rst. */
import type { Change } from '../contract.ts';

export const changes: readonly Change[] = [];
