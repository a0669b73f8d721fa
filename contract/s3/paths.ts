/** What names may be in a path: the service itself says what is wrong with one. */
import { Type } from 'typebox';

/** Where buckets are at the cloud's address; signed requests find them at its root as well. */
export const servicePath = '/s3';

/** Of one's own project, or `<project id>:<name>` of any. */
const bucket = Type.String({ maxLength: 1024 });

export const bucketPath = Type.Object({ bucket });
export const objectPath = Type.Object({ bucket, key: Type.String() });

/** Bytes of any type, for a stream. */
export const anything = ['*/*'] as const;
