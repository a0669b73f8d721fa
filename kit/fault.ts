/**
 * A refusal that is told to the caller in the service's own words and shape.
 * Anything else that is thrown is our mistake: logged with its cause, told as a 500 with a request id.
 */
export class Fault extends Error {
  override name = 'Fault';
  readonly status: number;
  /** The service's own name for it; a door may derive its shape's key from the status instead. */
  readonly code: string;
  readonly headers: Record<string, string>;
  readonly detail: string | undefined;
  /** What the service answers instead of its usual shape: a refusal that says how to go on. */
  readonly body: unknown;

  constructor(status: number, code: string, message: string, more: { headers?: Record<string, string>; detail?: string; body?: unknown; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.status = status;
    this.code = code;
    this.headers = more.headers ?? {};
    this.detail = more.detail;
    this.body = more.body;
  }
}

export const badRequest = (message: string, code = 'badRequest') => new Fault(400, code, message);
export const unauthorized = (message: string, code = 'unauthorized') => new Fault(401, code, message);
export const forbidden = (message: string, code = 'forbidden', cause?: unknown) => new Fault(403, code, message, cause === undefined ? {} : { cause });
export const notFound = (message: string, code = 'itemNotFound') => new Fault(404, code, message);
export const conflict = (message: string, code = 'conflictingRequest') => new Fault(409, code, message);

/** Busy: the caller may ask again after so many seconds. */
export const busy = (message: string, seconds: number, status: 429 | 503 = 503) =>
  new Fault(status, status === 429 ? 'overLimit' : 'serviceUnavailable', message, { headers: { 'retry-after': String(seconds) } });
