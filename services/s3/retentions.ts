/** Object lock: how long a version stays at least, and whether it is held: API_ObjectLockConfiguration. */
import { headerOf, type IncomingHeaders } from '../object-store/header-text.ts';
import { isHeld, retentionOf, type Retention } from '../object-store/locks.ts';
import { refused } from './refusals.ts';
import { childOf, demandOnly, document, malformed, parse, textOf } from './xml.ts';

type Facts = { readonly facts: Readonly<Record<string, unknown>> };

/** What new versions get that do not say otherwise. */
export type DefaultRetention = { mode: Retention['mode']; days: number };
export type ObjectLock = { default?: DefaultRetention };

const dayMs = 24 * 3_600_000;
const mostDays = 36_500;

export function objectLockOf({ facts }: Facts): ObjectLock | undefined {
  return facts['objectLock'] as ObjectLock | undefined;
}

export function readObjectLock(text: string): ObjectLock {
  const root = parse(text, 'ObjectLockConfiguration');
  demandOnly(root, ['ObjectLockEnabled', 'Rule']);
  if (textOf(root, 'ObjectLockEnabled') !== 'Enabled') throw malformed();
  const rule = childOf(root, 'Rule');
  if (!rule) return {};
  const given = childOf(rule, 'DefaultRetention');
  if (!given) throw malformed();
  const [days, years] = [textOf(given, 'Days'), textOf(given, 'Years')];
  if ((days === undefined) === (years === undefined)) throw malformed();
  const count = Number(days ?? years) * (days === undefined ? 365 : 1);
  if (!Number.isInteger(count) || count < 1 || count > mostDays) throw refused('InvalidRetentionPeriod', 'Default retention period must be a positive integer value');
  return { default: { mode: modeNamed(textOf(given, 'Mode')), days: count } };
}

export function objectLockDocument({ default: kept }: ObjectLock): string {
  return document('ObjectLockConfiguration', { ObjectLockEnabled: 'Enabled', Rule: kept && { DefaultRetention: { Mode: kept.mode, Days: kept.days } } });
}

/** Undefined: none from now on. */
export function readRetention(text: string, now: Date): Retention | undefined {
  const root = parse(text, 'Retention');
  const [mode, until] = [textOf(root, 'Mode'), textOf(root, 'RetainUntilDate')];
  if (mode === undefined && until === undefined) return undefined;
  if (mode === undefined || until === undefined) throw malformed();
  return { mode: modeNamed(mode), until: untilOf(until, now) };
}

export function retentionDocument({ mode, until }: Retention): string {
  return document('Retention', { Mode: mode, RetainUntilDate: until });
}

export function readLegalHold(text: string): boolean {
  const status = textOf(parse(text, 'LegalHold'), 'Status');
  if (status !== 'ON' && status !== 'OFF') throw malformed();
  return status === 'ON';
}

export function legalHoldDocument(held: boolean): string {
  return document('LegalHold', { Status: held ? 'ON' : 'OFF' });
}

/** What a new version is kept by: as its headers say, or as the bucket does. */
export function wishedLock(headers: IncomingHeaders, bucket: Facts, now: Date): { retention?: Retention; legalHold?: true } {
  const [mode, until, hold] = ['mode', 'retain-until-date', 'legal-hold'].map((name) => headerOf(headers, `x-amz-object-lock-${name}`));
  const lock = objectLockOf(bucket);
  if (!lock) {
    if (mode !== undefined || until !== undefined || hold !== undefined) throw refused('InvalidRequest', 'Bucket is missing Object Lock Configuration');
    return {};
  }
  if ((mode === undefined) !== (until === undefined)) throw refused('InvalidArgument', 'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied');
  if (hold !== undefined && hold !== 'ON' && hold !== 'OFF') throw refused('InvalidArgument', 'Legal Hold must be either of \'ON\' or \'OFF\'');
  const retention = mode !== undefined && until !== undefined ? { mode: modeNamed(mode), until: untilOf(until, now) } : lock.default && { mode: lock.default.mode, until: new Date(now.getTime() + lock.default.days * dayMs).toISOString() };
  return { ...(retention ? { retention } : {}), ...(hold === 'ON' ? { legalHold: true } : {}) };
}

/** A retention is made longer by anybody who may write; it is made less only where it may be ended. */
export function demandLonger(object: Facts, wished: Retention | undefined, { now, mayEnd }: { now: Date; mayEnd: boolean }): void {
  const before = retentionOf(object);
  if (!before || new Date(before.until) <= now) return;
  const isLess = wished === undefined || new Date(wished.until) < new Date(before.until) || (before.mode === 'COMPLIANCE' && wished.mode !== 'COMPLIANCE') || (before.mode !== wished.mode && wished.mode === 'GOVERNANCE');
  if (isLess && (before.mode === 'COMPLIANCE' || !mayEnd)) throw refused('AccessDenied', 'Access Denied because object protected by object lock.');
}

export function lockHeaders(object: Facts): Record<string, string> {
  const retention = retentionOf(object);
  return { ...(retention ? { 'x-amz-object-lock-mode': retention.mode, 'x-amz-object-lock-retain-until-date': retention.until } : {}), ...(isHeld(object) ? { 'x-amz-object-lock-legal-hold': 'ON' } : {}) };
}

function modeNamed(text: string | undefined): Retention['mode'] {
  if (text !== 'GOVERNANCE' && text !== 'COMPLIANCE') throw text === undefined ? malformed() : refused('InvalidArgument', 'Unknown wormMode directive.');
  return text;
}

function untilOf(text: string, now: Date): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime()) || !/^\d{4}-\d\d-\d\dT/.test(text)) throw refused('InvalidArgument', 'The retain until date must be provided in ISO 8601 format');
  if (time <= now) throw refused('InvalidArgument', 'The retain until date must be in the future!');
  return time.toISOString();
}
