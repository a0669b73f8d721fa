/** Finds rows of the northbound replica by what we call them; kept as rows change, so that a call costs what it changes. */
import type { Replica } from '../ovsdb-replica.ts';
import { HOLDING, keyOf, TAG, type Northbound, type NorthboundRow, type Table } from './northbound.ts';

export type FoundRow = { table: Table; row: NorthboundRow };
export type FoundHolder = { table: Table; uuid: string; column: string };

export class NorthboundIndex {
  readonly replica: Replica<Northbound>;
  readonly #byKey = new Map<string, Map<string, NorthboundRow>>();
  readonly #byOwner = new Map<string, Map<string, FoundRow>>();
  readonly #byNetwork = new Map<string, Map<string, FoundRow>>();
  readonly #holders = new Map<string, Map<string, FoundHolder>>();

  constructor(replica: Replica<Northbound>) {
    this.replica = replica;
    replica.onRow((table, before: unknown, after: unknown) => {
      if (table !== 'NB_Global') this.#follow(table, before as NorthboundRow | undefined, after as NorthboundRow | undefined);
    });
  }

  /** More than one only when someone copied a row. */
  find(table: Table, key: string): NorthboundRow[] {
    return [...(this.#byKey.get(`${table} ${key}`)?.values() ?? [])];
  }

  row(table: Table, uuid: string): NorthboundRow | undefined {
    return this.replica.rows(table).get(uuid) as NorthboundRow | undefined;
  }

  owned(owner: string): FoundRow[] {
    return [...(this.#byOwner.get(owner)?.values() ?? [])];
  }

  owners(): string[] {
    return [...this.#byOwner.keys()];
  }

  /** Ports of switches and routers that are on this network. */
  onNetwork(networkId: string): FoundRow[] {
    return [...(this.#byNetwork.get(networkId)?.values() ?? [])];
  }

  holders(uuid: string): FoundHolder[] {
    return [...(this.#holders.get(uuid)?.values() ?? [])];
  }

  #follow(table: Table, before: NorthboundRow | undefined, after: NorthboundRow | undefined): void {
    if (before) this.#drop(table, before);
    if (after) this.#add(table, after);
    this.#hold(table, before, after);
  }

  #add(table: Table, row: NorthboundRow): void {
    const key = keyOf(table, row);
    if (key !== undefined) put(this.#byKey, `${table} ${key}`, row._uuid, row);
    const owner = ownerOf(row);
    if (owner !== undefined) put(this.#byOwner, owner, row._uuid, { table, row });
    const network = row.external_ids[TAG.network];
    if (network !== undefined) put(this.#byNetwork, network, row._uuid, { table, row });
  }

  #drop(table: Table, row: NorthboundRow): void {
    const key = keyOf(table, row);
    if (key !== undefined) take(this.#byKey, `${table} ${key}`, row._uuid);
    const owner = ownerOf(row);
    if (owner !== undefined) take(this.#byOwner, owner, row._uuid);
    const network = row.external_ids[TAG.network];
    if (network !== undefined) take(this.#byNetwork, network, row._uuid);
  }

  #hold(table: Table, before: NorthboundRow | undefined, after: NorthboundRow | undefined): void {
    for (const column of Object.keys(HOLDING[table] ?? {})) {
      const was = held(before, column);
      const is = held(after, column);
      if (was === is) continue;
      const holder = (after ?? before)?._uuid ?? '';
      const isSet = new Set(is);
      const wasSet = new Set(was);
      for (const uuid of was) if (!isSet.has(uuid)) take(this.#holders, uuid, `${holder} ${column}`);
      for (const uuid of is) if (!wasSet.has(uuid)) put(this.#holders, uuid, `${holder} ${column}`, { table, uuid: holder, column });
    }
  }
}

export function ownerKey(owner: { kind: string; id: string }): string {
  return `${owner.kind} ${owner.id}`;
}

export function ownerOf(row: { external_ids: Record<string, string> }): string | undefined {
  const kind = row.external_ids[TAG.kind];
  const id = row.external_ids[TAG.id];
  return kind === undefined || id === undefined ? undefined : ownerKey({ kind, id });
}

/** Everything in a column that holds rows. */
export function held(row: NorthboundRow | undefined, column: string): string[] {
  const value = (row as Record<string, unknown> | undefined)?.[column] as string[] | string | null | undefined;
  return typeof value === 'string' ? [value] : (value ?? NOTHING);
}

const NOTHING: string[] = [];

function put<V>(map: Map<string, Map<string, V>>, key: string, uuid: string, value: V): void {
  const entry = map.get(key);
  if (entry) entry.set(uuid, value);
  else map.set(key, new Map([[uuid, value]]));
}

function take<V>(map: Map<string, Map<string, V>>, key: string, uuid: string): void {
  const entry = map.get(key);
  if (entry?.delete(uuid) && entry.size === 0) map.delete(key);
}
