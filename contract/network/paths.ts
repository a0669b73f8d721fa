import type { Operations } from '../contract.ts';

/**
 * Brings a path into the form that its operation has: neutron takes dashes and underscores of a collection's name
 * for the same (neutron/manager.py, get_controller_for_resource), and any path may end in `.json`. What is done to one
 * thing has one name only: `add_router_interface`.
 */
export function pathReader(start: string, nouns: Record<string, Operations>): (path: string) => string {
  const names = new Set<string>();
  const asked = Object.values(nouns).flatMap((operations) => Object.values(operations)).map(({ method, path }) => ({ method, parts: path.slice(1).split('/') }));
  for (const { method, parts } of asked)
    for (const [place, part] of parts.entries()) if (!part.startsWith('{') && (place < 2 || (method === 'GET' && !part.startsWith('get_')))) names.add(part);
  // Below them are collections: `/qos/policies`.
  const rooms = new Set(asked.filter(({ parts: [, second] }) => second !== undefined && !second.startsWith('{')).map(({ parts: [first] }) => first!));
  const byDashes = new Map([...names].map((name) => [name.replaceAll('_', '-'), name]));
  const named = (part: string) => (names.has(part) ? part : (byDashes.get(part.replaceAll('_', '-')) ?? part));
  return (path) => {
    if (!path.startsWith(`${start}/`)) return path;
    const parts = (path.endsWith('.json') ? path.slice(0, -'.json'.length) : path).slice(start.length + 1).split('/');
    const first = rooms.has(parts[0]!) ? 1 : 0;
    for (const place of [first, first + 2]) if (parts[place] !== undefined) parts[place] = named(parts[place]);
    return `${start}/${parts.join('/')}`;
  };
}
