/** What PostgreSQL answered, in the words that callers act on. Anything else passes as `pg` threw it. */
import { DatabaseError } from 'pg';

export type ConstraintKind = 'unique' | 'foreign key' | 'check' | 'not null' | 'exclusion';

/** A rule of the schema refused the rows; services turn it into a fault by the constraint's name. */
export class ConstraintViolation extends Error {
  override name = 'ConstraintViolation';
  readonly kind: ConstraintKind;
  /** `schema.table` */
  readonly table: string;
  /** The column's name for `not null`, which has no constraint's name. */
  readonly constraint: string;

  constructor(kind: ConstraintKind, table: string, constraint: string, options: { cause: unknown }) {
    super(`Refused by the ${kind} constraint ${constraint} of ${table}`, options);
    this.kind = kind;
    this.table = table;
    this.constraint = constraint;
  }
}

/** Nothing was done: no connection could be had, or it broke before the transaction was committed. */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable';
}

/** The connection broke while COMMIT was under way: the transaction happened wholly or not at all. */
export class UnknownOutcome extends Error {
  override name = 'UnknownOutcome';
}

/** What a function of our own refused: `raise exception using errcode = 'IC000'`, with JSON as its detail. */
export class Raised extends Error {
  override name = 'Raised';
  readonly detail: unknown;

  constructor(message: string, detail: unknown, options: { cause: unknown }) {
    super(message, options);
    this.detail = detail;
  }
}

const raised = 'IC000';

const kinds: Record<string, ConstraintKind> = {
  '23505': 'unique',
  '23503': 'foreign key',
  '23514': 'check',
  '23502': 'not null',
  '23P01': 'exclusion',
};

/** The error as callers see it. */
export function asOurs(error: unknown): unknown {
  if (error instanceof DatabaseError) {
    const kind = kinds[error.code ?? ''];
    if (kind)
      return new ConstraintViolation(kind, `${error.schema}.${error.table}`, error.constraint ?? error.column ?? '', {
        cause: error,
      });
    if (error.code === raised) return new Raised(error.message, JSON.parse(error.detail ?? 'null'), { cause: error });
  }
  return error;
}

/** The same transaction may succeed when it is run again: serialization failure, deadlock, a plan made stale by a migration. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false;
  if (error.code === '40001' || error.code === '40P01') return true;
  return isStalePlan(error);
}

export function isStalePlan(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '0A000' && error.message.includes('cached plan');
}

/** The connection is gone, or the server is going: 57P01 is said to those whom it ends. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof DatabaseError) return /^(57P0[1235]|08)/.test(error.code ?? '') || error.severity === 'FATAL';
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? error.code : undefined;
  return (
    (typeof code === 'string' && connectionErrors.has(code)) ||
    /^Connection terminated|not queryable$/.test(error.message)
  );
}

const connectionErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_DESTROYED',
]);
