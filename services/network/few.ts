import { badRequest } from '../../kit/fault.ts';
import { Answer } from '../../kit/http/implement.ts';
import { chosen, pythonList, type ListQuery } from './listing.ts';

/** A list that is not in one table: few, and looked through here. */
export function few<T extends Record<string, unknown>>(collection: string, all: readonly T[], { query, otherQuery }: { query: object; otherQuery: object }): Answer<never> {
  const unknown = Object.keys(otherQuery);
  if (unknown.length > 0) throw badRequest(`${pythonList(unknown)} is invalid attribute for filtering`, 'HTTPBadRequest');
  const { limit = 0, marker, page_reverse: reverse = false, sort_key = [], sort_dir = [], fields, ...filters } = query as ListQuery;
  if (sort_dir.length > 0 && sort_dir.length !== sort_key.length) throw badRequest('The number of sort_keys and sort_dirs must be same', 'HTTPBadRequest');
  const wrong = sort_key.find((key) => all[0] !== undefined && !['string', 'boolean'].includes(typeof all[0][key]));
  if (wrong !== undefined) throw badRequest(`${pythonList([wrong])} is invalid attribute for sort keys`, 'HTTPBadRequest');
  const kept = all.filter((each) => Object.entries(filters).every(([name, values]) => (values as string[]).some((value) => value.toLowerCase() === String(each[name]).toLowerCase())));
  const order = (one: T, other: T): number => {
    for (const [place, key] of sort_key.entries()) {
      const [a, b] = [String(one[key]), String(other[key])];
      if (a !== b) return a < b === (sort_dir[place] !== 'desc') ? -1 : 1;
    }
    return 0;
  };
  const sorted = kept.toSorted(order);
  if (reverse) sorted.reverse();
  const after = marker === undefined ? -1 : sorted.findIndex((each) => each['id'] === marker);
  if (marker !== undefined && after < 0) throw badRequest(`Invalid input for operation: Unknown marker ${marker}.`, 'InvalidInput');
  const page = sorted.slice(after + 1, limit === 0 ? undefined : after + 1 + limit);
  return new Answer({ [collection]: page.map((each) => chosen(each, fields)) } as never, {});
}
