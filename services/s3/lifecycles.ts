/** Rules by which objects go by themselves: API_LifecycleRule. What would move them elsewhere is refused: there is one class of storage. */
import type { LifecycleRule } from '../object-store/lifecycles.ts';
import { notImplemented, refused } from './refusals.ts';
import { childOf, childrenOf, demandOnly, document, malformed, parse, textOf, type Element } from './xml.ts';

const mostRules = 1000;

export function lifecycleOf({ facts }: { facts: Readonly<Record<string, unknown>> }): LifecycleRule[] | undefined {
  return facts['lifecycle'] as LifecycleRule[] | undefined;
}

export function readLifecycle(text: string): LifecycleRule[] {
  const root = parse(text, 'LifecycleConfiguration');
  demandOnly(root, ['Rule']);
  const rules = childrenOf(root, 'Rule').map(ruleOf);
  if (rules.length === 0 || rules.length > mostRules) throw malformed();
  const ids = rules.map(({ id }, index) => (id === '' ? `rule-${index + 1}` : id));
  if (new Set(ids).size < ids.length) throw refused('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
  return rules.map((rule, index) => ({ ...rule, id: ids[index]! }));
}

function ruleOf(element: Element): LifecycleRule {
  if (childOf(element, 'Transition') ?? childOf(element, 'NoncurrentVersionTransition')) throw notImplemented('A transition to another storage class');
  demandOnly(element, ['ID', 'Prefix', 'Filter', 'Status', 'Expiration', 'NoncurrentVersionExpiration', 'AbortIncompleteMultipartUpload']);
  const status = textOf(element, 'Status');
  if (status !== 'Enabled' && status !== 'Disabled') throw malformed();
  const id = textOf(element, 'ID') ?? '';
  if (id.length > 255) throw refused('InvalidArgument', 'ID length should not exceed allowed limit of 255');
  const [expiration, older, abort] = ['Expiration', 'NoncurrentVersionExpiration', 'AbortIncompleteMultipartUpload'].map((name) => childOf(element, name));
  if (!expiration && !older && !abort) throw refused('InvalidRequest', 'At least one action needs to be specified in a rule');
  return {
    id,
    isEnabled: status === 'Enabled',
    ...filterOf(element),
    ...(expiration ? expirationOf(expiration) : {}),
    ...(older ? { olderDays: daysOf(older, 'NoncurrentDays'), ...(textOf(older, 'NewerNoncurrentVersions') === undefined ? {} : { olderKept: daysOf(older, 'NewerNoncurrentVersions') }) } : {}),
    ...(abort ? { abortDays: daysOf(abort, 'DaysAfterInitiation') } : {}),
  };
}

function filterOf(element: Element): Pick<LifecycleRule, 'prefix' | 'tags' | 'largerThan' | 'smallerThan'> {
  const plain = textOf(element, 'Prefix');
  const filter = childOf(element, 'Filter');
  if (plain !== undefined && filter) throw malformed();
  if (!filter) return { prefix: plain ?? '', tags: {} };
  const both = childOf(filter, 'And') ?? filter;
  demandOnly(both, ['Prefix', 'Tag', 'ObjectSizeGreaterThan', 'ObjectSizeLessThan']);
  if (both === filter && filter.children.length > 1) throw malformed();
  const tags = childrenOf(both, 'Tag').map((tag) => [textOf(tag, 'Key') ?? '', textOf(tag, 'Value') ?? '']);
  const size = (name: string) => (textOf(both, name) === undefined ? undefined : daysOf(both, name, 0, Number.MAX_SAFE_INTEGER));
  const [largerThan, smallerThan] = [size('ObjectSizeGreaterThan'), size('ObjectSizeLessThan')];
  return { prefix: textOf(both, 'Prefix') ?? '', tags: Object.fromEntries(tags), ...(largerThan === undefined ? {} : { largerThan }), ...(smallerThan === undefined ? {} : { smallerThan }) };
}

function expirationOf(element: Element): Pick<LifecycleRule, 'days' | 'date' | 'clearMarkers'> {
  demandOnly(element, ['Days', 'Date', 'ExpiredObjectDeleteMarker']);
  if (element.children.length !== 1) throw malformed();
  const [date, marker] = [textOf(element, 'Date'), textOf(element, 'ExpiredObjectDeleteMarker')];
  if (marker !== undefined) return { clearMarkers: marker === 'true' };
  if (date === undefined) return { days: daysOf(element, 'Days') };
  const time = new Date(date);
  if (Number.isNaN(time.getTime()) || time.getTime() % (24 * 3_600_000) !== 0) throw refused('InvalidArgument', '\'Date\' must be at midnight GMT');
  return { date: time.toISOString() };
}

function daysOf(element: Element, name: string, least = 1, most = 36_500): number {
  const text = textOf(element, name) ?? '';
  if (!/^\d{1,16}$/.test(text)) throw malformed();
  const days = Number(text);
  if (days < least || days > most) throw refused('InvalidArgument', `'${name}' must be a positive integer`);
  return days;
}

export function lifecycleDocument(rules: readonly LifecycleRule[]): string {
  return document('LifecycleConfiguration', {
    Rule: rules.map(({ id, isEnabled, prefix, tags, largerThan, smallerThan, days, date, clearMarkers, olderDays, olderKept, abortDays }) => {
      const conditions = { ...(prefix === '' ? {} : { Prefix: prefix }), Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })), ObjectSizeGreaterThan: largerThan, ObjectSizeLessThan: smallerThan };
      const count = Number(prefix !== '') + Object.keys(tags).length + Number(largerThan !== undefined) + Number(smallerThan !== undefined);
      return {
        ID: id,
        Filter: count === 0 ? { Prefix: '' } : count > 1 ? { And: conditions } : conditions,
        Status: isEnabled ? 'Enabled' : 'Disabled',
        Expiration: days === undefined && date === undefined && clearMarkers === undefined ? null : { Days: days, Date: date, ExpiredObjectDeleteMarker: clearMarkers },
        NoncurrentVersionExpiration: olderDays === undefined ? null : { NoncurrentDays: olderDays, NewerNoncurrentVersions: olderKept },
        AbortIncompleteMultipartUpload: abortDays === undefined ? null : { DaysAfterInitiation: abortDays },
      };
    }),
  });
}
