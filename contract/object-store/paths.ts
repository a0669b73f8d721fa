/** What names may be in a path: the service itself says what is wrong with one. */
import { Type } from 'typebox';

/** Where the service is at the cloud's address. */
export const servicePath = '/object-store/v1';
/** And for clients that know it by heart. */
export const shortPath = '/v1';

const account = Type.String({ maxLength: 256 });
const container = Type.String();

export const accountPath = Type.Object({ account });
export const containerPath = Type.Object({ account, container });
export const objectPath = Type.Object({ account, container, object: Type.String() });

/** Bytes of any type, for a stream. */
export const anything = ['*/*'] as const;
