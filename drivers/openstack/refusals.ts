/** What a partner's cloud says, in the kinds that a driver has. */
import { Refused } from '../../contract/client.ts';
import { DriverError, type DriverErrorKind } from '../driver.ts';

/** The call may have done its work or not: nobody may guess. Whoever asked looks, by our tag, before asking again. */
export class UnknownOutcome extends DriverError {
  override name = 'UnknownOutcome';

  constructor(message: string, options?: { cause?: unknown }) {
    super('unavailable', message, options);
  }
}

/** The one place where a refusal becomes what a driver says; `as` is for statuses that mean something else there. */
export function translated(error: unknown, as: Partial<Record<number, DriverErrorKind>> = {}): unknown {
  if (!(error instanceof Refused)) return error;
  return new DriverError(as[error.status] ?? kindOf(error), error.message, { cause: error });
}

/** Throws what `translated` makes of it. */
export function refusedAs(as: Partial<Record<number, DriverErrorKind>>): (error: unknown) => never {
  return (error) => {
    throw translated(error, as);
  };
}

/** Lets it be when the partner does not know it (any more), or says that it is so already. */
export function unless(...statuses: number[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof Refused && statuses.includes(error.status)) return undefined;
    throw error;
  };
}

function kindOf({ status, message }: Refused): DriverErrorKind {
  // Nova says 403, Neutron 409, Cinder 413 when a quota or a pool of addresses is used up.
  if (status !== 404 && /over ?quota|quota exceeded|exceeds (allowed|available|the)|no more IP|IpAddressGenerationFailure|ExternalIpAddressExhausted/i.test(message)) return 'exhausted';
  switch (status) {
    case 401:
    case 429:
      return 'unavailable';
    case 404:
    case 410:
      return 'missing';
    case 400:
    case 403:
    case 405:
    case 406:
    case 501:
      return 'invalid';
    case 413:
    case 507:
      return 'exhausted';
    default:
      return 'failed';
  }
}
