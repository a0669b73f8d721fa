/**
 * Where a request with several parts would fit: which providers of one tree, or sharing with one, take which part of it.
 * placement/objects/allocation_candidate.py and research_context.py
 */
import { capacityOf, fits, type Provider, type ProviderInventory } from './providers.ts';
import type { CandidateQuery, GroupWish, RequestGroup, TraitWish } from './queries.ts';

/** What all may use who are in a group with it: disks of a shared storage, say. */
const shares = 'MISC_SHARES_VIA_AGGREGATE';

export type Candidate = { allocations: Map<string, Map<string, number>>; mappings: Map<string, string[]> };

/** A part of the request, and the providers that take it. */
type Share = { suffix: string; amounts: [provider: Provider, resourceClass: string, amount: number][]; providers: Provider[] };

/** Each once; without a limit, all that there are. */
export function findCandidates(all: readonly Provider[], query: CandidateQuery): Candidate[] {
  const trees = Map.groupBy(all, ({ rootId }) => rootId);
  const sharing = all.filter(({ traits }) => traits.includes(shares));
  const found = new Map<string, Candidate>();
  for (const [rootId, tree] of trees) {
    const root = tree.find(({ id }) => id === rootId);
    if (!root || !hasTraits([root], query.root)) continue;
    const groups = new Set(tree.flatMap(({ aggregates }) => aggregates));
    const shared = sharing.filter((provider) => provider.rootId !== rootId && provider.aggregates.some((id) => groups.has(id)));
    for (const candidate of inTree(root, tree, shared, query)) {
      const key = JSON.stringify([[...candidate.allocations].map(([id, amounts]) => JSON.stringify([id, [...amounts]])).toSorted(), [...candidate.mappings]]);
      found.set(key, candidate);
      if (query.limit !== undefined && found.size >= query.limit) return [...found.values()];
    }
  }
  return [...found.values()];
}

function* inTree(root: Provider, tree: readonly Provider[], shared: readonly Provider[], query: CandidateQuery): Generator<Candidate> {
  const reachable = [...tree, ...shared];
  const parents = new Map(tree.map(({ id, parentId }) => [id, parentId]));
  const choices: Share[][] = [];
  // Those with a suffix first: they leave fewer choices.
  for (const [suffix, group] of [...query.groups].toSorted(([one], [other]) => (one === '' ? 1 : other === '' ? -1 : 0))) {
    const usable = reachable.filter((provider) => isWanted(provider, root, tree, group));
    const shares = suffix === '' ? [...spread(usable, group)] : usable.filter((provider) => takesAll(provider, group)).map((provider) => ({ suffix, amounts: [...group.resources].map(([name, amount]): Share['amounts'][number] => [provider, name, amount]), providers: [provider] }));
    if (shares.length === 0) return;
    choices.push(shares);
  }
  for (const picked of product(choices)) {
    if (query.isolate && !areApart(picked)) continue;
    if (!query.subtrees.every((suffixes) => isOneSubtree(picked, suffixes, parents))) continue;
    const candidate = together(picked);
    if (candidate) yield candidate;
  }
}

function isWanted(provider: Provider, root: Provider, tree: readonly Provider[], { traits, groups, inTree: named }: RequestGroup): boolean {
  // Any provider of a tree names it; what is shared with it is in another.
  if (named !== null && !(provider.rootId === root.id ? tree : [provider]).some(({ id, rootId }) => id === named || rootId === named)) return false;
  // A group of the root is one of the whole tree.
  const own = new Set(provider.rootId === root.id ? [...provider.aggregates, ...root.aggregates] : provider.aggregates);
  return isIn(own, groups) && provider.traits.every((trait) => !traits.forbidden.has(trait));
}

export function isIn(own: ReadonlySet<string>, { memberOf, forbidden }: GroupWish): boolean {
  return memberOf.every((any) => any.some((id) => own.has(id))) && ![...forbidden].some((id) => own.has(id));
}

export function hasTraits(providers: readonly Provider[], { required, forbidden }: TraitWish): boolean {
  const own = new Set(providers.flatMap(({ traits }) => traits));
  return required.every((any) => any.some((trait) => own.has(trait))) && ![...forbidden].some((trait) => own.has(trait));
}

function takesAll(provider: Provider, { resources, traits }: RequestGroup): boolean {
  return hasTraits([provider], traits) && [...resources].every(([name, amount]) => fits(inventoryOf(provider, name), amount));
}

/** The part without a suffix: each class from whichever provider has it, all traits from all of them together. */
function* spread(usable: readonly Provider[], group: RequestGroup): Generator<Share> {
  const byClass = [...group.resources].map(([name, amount]) => usable.filter((provider) => fits(inventoryOf(provider, name), amount)).map((provider): Share['amounts'][number] => [provider, name, amount]));
  if (byClass.some((list) => list.length === 0)) return;
  for (const amounts of product(byClass)) {
    const providers = [...new Set(amounts.map(([provider]) => provider))];
    if (hasTraits(providers, group.traits)) yield { suffix: '', amounts, providers };
  }
}

/** Parts with suffixes by providers of their own. */
function areApart(picked: readonly Share[]): boolean {
  const ids = picked.filter(({ suffix, amounts }) => suffix !== '' && amounts.length > 0).flatMap(({ providers }) => providers.map(({ id }) => id));
  return new Set(ids).size === ids.length;
}

/** One of the providers of these parts is above all the others, or is they. */
function isOneSubtree(picked: readonly Share[], suffixes: readonly string[], parents: ReadonlyMap<string, string | null>): boolean {
  const ids = new Set(picked.filter(({ suffix }) => suffixes.includes(suffix)).flatMap(({ providers }) => providers.map(({ id }) => id)));
  const isAbove = (above: string, id: string): boolean => {
    for (let at: string | null | undefined = id; at !== null && at !== undefined; at = parents.get(at)) if (at === above) return true;
    return false;
  };
  return [...ids].some((above) => [...ids].every((id) => parents.has(id) && isAbove(above, id)));
}

/** All parts at once; nothing when they are too much for one provider together. */
function together(picked: readonly Share[]): Candidate | undefined {
  const allocations = new Map<string, Map<string, number>>();
  const known = new Map<string, Provider>();
  for (const [provider, name, amount] of picked.flatMap(({ amounts }) => amounts)) {
    const own = allocations.get(provider.id) ?? new Map<string, number>();
    own.set(name, (own.get(name) ?? 0) + amount);
    allocations.set(provider.id, own);
    known.set(provider.id, provider);
  }
  for (const [id, amounts] of allocations)
    for (const [name, amount] of amounts) {
      const inventory = inventoryOf(known.get(id)!, name);
      if (!inventory || inventory.used + amount > capacityOf(inventory) || amount > inventory.maxUnit) return undefined;
    }
  return { allocations, mappings: new Map(picked.map(({ suffix, providers }) => [suffix, providers.map(({ id }) => id)] as const).toSorted(([one], [other]) => (one < other ? -1 : 1))) };
}

function inventoryOf(provider: Provider, name: string): ProviderInventory | undefined {
  return provider.inventories.find(({ resourceClass }) => resourceClass === name);
}

function* product<T>(lists: readonly (readonly T[])[], from = 0): Generator<T[]> {
  const list = lists[from];
  if (list === undefined) return void (yield []);
  for (const each of list) for (const rest of product(lists, from + 1)) yield [each, ...rest];
}
