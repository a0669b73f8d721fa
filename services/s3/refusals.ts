/** Refusals by Amazon's names, and what those of the store's rules are called there. */
import { reasons, type Reason } from '../../contract/s3/reasons.ts';
import { Fault } from '../../kit/fault.ts';

export function refused(reason: Reason, message: string = reasons[reason][1], more: { headers?: Record<string, string>; cause?: unknown } = {}): Fault {
  return new Fault(reasons[reason][0], reason, message, more);
}

export const notImplemented = (what: string) => refused('NotImplemented', `${what} is not implemented.`);

/** Names of the store's own rules, and of Swift's door, for the same. */
const others: Readonly<Record<string, Reason>> = {
  NoSuchContainer: 'NoSuchBucket',
  NoSuchObject: 'NoSuchKey',
  ContainerNotEmpty: 'BucketNotEmpty',
  RequestEntityTooLarge: 'EntityTooLarge',
  LengthRequired: 'MissingContentLength',
  ObjectLocked: 'AccessDenied',
  Unauthorized: 'AccessDenied',
  ClientDisconnect: 'RequestTimeout',
};

/** Said with the words of the rule where those are about this request, and not about a status. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Fault)) return error;
  if (error.code in reasons) return error.status === reasons[error.code as Reason][0] ? error : refused(error.code as Reason, error.message, { headers: error.headers, cause: error });
  if (error.message === 'Upload exceeds quota.') return refused('QuotaExceeded', undefined, { cause: error });
  const reason = others[error.code];
  if (reason === undefined) return error;
  return refused(reason, error.code === 'ObjectLocked' ? error.message : undefined, { headers: error.headers, cause: error });
}
