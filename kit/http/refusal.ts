/** How a refusal is written: in the service's own shape, or as RFC 9457 when the client asks for it. */
import { STATUS_CODES } from 'node:http';
import type { Service, Shaped } from '../../contract/contract.ts';
import { Fault } from '../fault.ts';
import { KeyConflict } from '../idempotency.ts';
import { ConstraintViolation, DatabaseUnavailable, UnknownOutcome } from '../postgres/errors.ts';

/** What went wrong as a fault; undefined when it is our mistake. */
export function faultOf(error: unknown): Fault | undefined {
  if (error instanceof Fault) return error;
  if (error instanceof DatabaseUnavailable) return new Fault(503, 'serviceUnavailable', 'The service is not ready. Ask again in a moment.', { headers: { 'retry-after': '1' }, cause: error });
  // It may have been done: the client asks what there is, or repeats it with the same Idempotency-Key.
  if (error instanceof UnknownOutcome) return new Fault(503, 'serviceUnavailable', 'The database was lost while the change was being kept. Look whether it was made, or send it again with the same Idempotency-Key.', { headers: { 'retry-after': '1' }, cause: error });
  if (error instanceof KeyConflict) return new Fault(422, 'unprocessableEntity', 'This Idempotency-Key was used for another request. Use a new one for each request.', { cause: error });
  if (error instanceof ConstraintViolation && error.kind === 'unique') return new Fault(409, 'conflictingRequest', 'Something else was created with the same name or id at the same time.', { cause: error });
  if (error instanceof ConstraintViolation && error.kind === 'foreign key') return new Fault(409, 'conflictingRequest', 'Something that this refers to was deleted at the same time.', { cause: error });
  // Fastify's own refusals of malformed requests carry a status: a body that is too large or is not JSON.
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500) return new Fault(status, status === 413 ? 'requestEntityTooLarge' : 'badRequest', error.message);
  return undefined;
}

export function refuse(service: Service | undefined, fault: Fault, requestId: string, accept: string): Shaped {
  const facts = { status: fault.status, code: fault.code, message: fault.message, requestId, accept, ...(fault.detail === undefined ? {} : { detail: fault.detail }) };
  const native: Shaped = fault.body !== undefined ? { body: fault.body } : service === undefined ? { body: { error: { code: fault.status, title: STATUS_CODES[fault.status] ?? 'Error', message: fault.message } } } : service.shape(facts);
  if (fault.status === 401 && service !== undefined && service.type !== 'identity' && service.asksForTokens !== true)
    // keystonemiddleware answers for every service: auth_token/__init__.py, _reject_request.
    native.body = { error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } };
  if (!accept.includes('application/problem+json')) return native;
  return {
    contentType: 'application/problem+json',
    body: {
      type: 'about:blank',
      title: STATUS_CODES[fault.status] ?? 'Error',
      status: fault.status,
      detail: fault.message,
      code: `${service?.type ?? 'cloud'}.${fault.code}`,
      request_id: requestId,
      native: native.body,
    },
  };
}
