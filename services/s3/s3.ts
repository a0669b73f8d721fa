/** The object store by the API of Amazon S3, as one service: a further door on the rules of the object store. */
import { s3 as contract } from '../../contract/s3/service.ts';
import { servicePath } from '../../contract/s3/paths.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { Signers } from '../identity/signers.ts';
import type { Made, RegionParts } from '../parts.ts';
import { account } from './account.api.ts';
import { buckets } from './buckets.api.ts';
import { openedForm } from './forms.ts';
import { identified, routeOf } from './identification.ts';
import { objects } from './objects.api.ts';

export function makeS3(parts: RegionParts, { signers }: { signers: Signers }): Made {
  const own = { ...parts, signers };
  return {
    implementation: { ...implementService(contract, parts.database, { account, buckets: buckets(own), objects: objects(own) }), identify: (request) => identified(own, request), open: (request, body) => openedForm(own, request, body) },
    workflows: [],
    schedules: [],
    invariants: [],
  };
}

/** Where requests of this door are routed, whatever address they were sent to. */
export function routedToStore(request: Parameters<typeof routeOf>[0]): string {
  return routeOf(request, servicePath);
}
