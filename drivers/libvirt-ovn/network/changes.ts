/** What has to change in the northbound database for it to hold the wanted rows: by content, never by revision. */
import { DriverError, type NetworkDifference, type NetworkResourceRef } from '../../driver.ts';
import type { Condition, Mutation, Operation } from '../ovsdb.ts';
import { textMap, toDatum, uuid, type Atom, type ColumnKind, type Datum } from '../ovsdb-values.ts';
import { held, ownerKey, type FoundRow, type NorthboundIndex } from './northbound-index.ts';
import { HOLDING, isNamed, NORTHBOUND, ROOTS, TAG, type NorthboundRow, type Owner, type Projected, type Table, type WantedRow } from './northbound.ts';

export type Changes = { operations: Operation[]; differences: NetworkDifference[] };

/** Columns of a row that stays whoever owns it, because what they are derived from changes. */
export type Derived = FoundRow & { columns: Record<string, unknown>; dhcp?: WantedRow['dhcp'] };

/**
 * `exact`: nothing else of ours may be there, and nothing foreign in what is ours, except what the owners in `kept` have.
 * Otherwise only the projected resources are looked at, and `missing` is thrown when something that holds their rows is not there.
 */
export function changesTo(
  index: NorthboundIndex,
  projected: Projected[],
  { exact, kept = new Set(), derived = [] }: { exact: boolean; kept?: ReadonlySet<string>; derived?: Derived[] },
): Changes {
  const draft = new Draft(index);
  const possible = exact ? draft.withoutUnheld(projected, kept) : projected;
  for (const { rows } of possible) for (const row of rows) draft.name(row);

  const wantedOwners = new Set(possible.map(({ owner }) => ownerKey(owner)));
  const obsolete = (exact ? index.owners() : [...wantedOwners]).filter((owner) => !kept.has(owner)).flatMap((owner) => index.owned(owner));
  for (const found of obsolete) if (!draft.isWanted(found.row._uuid)) draft.removeRow(found, wantedOwners);

  for (const { owner, generation, rows } of possible) rows.forEach((row, at) => draft.putRow(owner, generation, row, at === 0));
  for (const row of derived) draft.derive(row);
  if (exact) draft.releaseForeign(kept);
  return draft.changes();
}

export function removalOf(index: NorthboundIndex, owners: string[]): Changes {
  const draft = new Draft(index);
  for (const owner of owners) for (const found of index.owned(owner)) draft.removeRow(found, new Set());
  return draft.changes();
}

type UuidAtom = ['uuid', string] | ['named-uuid', string];
type Wanted = { row: WantedRow; found: NorthboundRow | undefined; reference: UuidAtom; owner?: Owner };
type Holding = { inserted: Atom[]; deleted: Atom[] };

class Draft {
  readonly #index: NorthboundIndex;
  readonly #wanted = new Map<string, Wanted>();
  readonly #wantedUuids = new Map<string, Wanted>();
  readonly #inserts = new Map<string, Extract<Operation, { op: 'insert' }>>();
  readonly #guards: Operation[] = [];
  readonly #others: Operation[] = [];
  readonly #removed = new Set<string>();
  readonly #holdings = new Map<string, { table: Table; reference: UuidAtom; columns: Map<string, Holding> }>();
  readonly #differences = new Map<string, NetworkDifference>();

  constructor(index: NorthboundIndex) {
    this.#index = index;
  }

  /** Gives the row its uuid, or a name for it in this transaction. */
  name(row: WantedRow): void {
    const [found] = this.#index.find(row.table, row.key);
    const reference: UuidAtom = found ? uuid(found._uuid) : ['named-uuid', `new${this.#wanted.size}`];
    const wanted = { row, found, reference };
    this.#wanted.set(`${row.table} ${row.key}`, wanted);
    if (found) this.#wantedUuids.set(found._uuid, wanted);
  }

  isWanted(id: string): boolean {
    return this.#wantedUuids.has(id);
  }

  /** Leaves out, and tells of, resources whose network, router or group is not among the wanted. */
  withoutUnheld(projected: Projected[], kept: ReadonlySet<string>): Projected[] {
    let possible = projected;
    for (;;) {
      const there = new Set(possible.flatMap(({ rows }) => rows.map((row) => `${row.table} ${row.key}`)));
      for (const owner of kept) for (const { table, row } of this.#index.owned(owner)) if ('name' in row) there.add(`${table} ${row.name}`);
      const left = possible.filter(({ owner, rows }) => {
        const holder = rows.flatMap((row) => row.heldBy).find(({ table, key }) => !there.has(`${table} ${key}`));
        if (holder) this.#differ(owner, 'missing', `${holder.table} ${holder.key} is not wanted, which it needs`);
        return !holder;
      });
      if (left.length === possible.length) return possible;
      possible = left;
    }
  }

  putRow(owner: Owner, generation: number, row: WantedRow, main: boolean): void {
    const wanted = this.#wanted.get(`${row.table} ${row.key}`) as Wanted;
    wanted.owner = owner;
    const columns: Record<string, unknown> = { ...row.columns, ...this.#dhcpColumns(row.dhcp) };
    const tags = {
      ...(columns['external_ids'] as Record<string, string>),
      [TAG.kind]: owner.kind,
      [TAG.id]: owner.id,
      ...(!isNamed(row.table) && { [TAG.row]: row.key }),
    };
    if (wanted.found) {
      delete columns['external_ids'];
      this.#update(owner, row.table, wanted.found, columns, tags, main ? generation : null);
    } else {
      columns['external_ids'] = { ...tags, [TAG.generation]: String(generation) };
      this.#differ(owner, main ? 'missing' : 'differs', `${row.table} ${row.key} is missing`);
      const name = idOf(wanted.reference);
      this.#inserts.set(name, { op: 'insert', table: row.table, 'uuid-name': name, row: data(row.table, columns) });
      this.#guard(row);
    }
    this.#holdRow(owner, wanted);
  }

  derive({ table, row, columns, dhcp }: Derived): void {
    if (this.#wantedUuids.has(row._uuid) || this.#removed.has(row._uuid)) return;
    const owner = { kind: row.external_ids[TAG.kind], id: row.external_ids[TAG.id] } as NetworkResourceRef;
    this.#update(owner, table, row, { ...columns, ...this.#dhcpColumns(dhcp) }, null, null);
  }

  /** `staying`: owners that keep other rows, so that this one is too much rather than they. */
  removeRow({ table, row }: FoundRow, staying: ReadonlySet<string>): void {
    if (this.#removed.has(row._uuid)) return;
    this.#removed.add(row._uuid);
    const owner = { kind: row.external_ids[TAG.kind], id: row.external_ids[TAG.id] } as NetworkResourceRef;
    this.#differ(owner, staying.has(ownerKey(owner)) ? 'differs' : 'unwanted', `${table} ${nameOf(row)} is unwanted`);
    if (ROOTS.has(table)) this.#others.push({ op: 'delete', table, where: [['_uuid', '==', uuid(row._uuid)]] });
    else for (const holder of this.#index.holders(row._uuid)) this.#holding(holder.table, uuid(holder.uuid), holder.column).deleted.push(uuid(row._uuid));
  }

  /** Takes what nobody asked for out of the rows that we wanted. */
  releaseForeign(kept: ReadonlySet<string>): void {
    for (const { row: { table, key }, found, owner } of this.#wanted.values()) {
      if (!found || !owner) continue;
      for (const [column, childTable] of Object.entries(HOLDING[table] ?? {})) {
        for (const id of held(found, column)) {
          if (this.#wantedUuids.has(id) || this.#removed.has(id) || !childTable) continue;
          const child = this.#index.row(childTable, id);
          if (child && kept.has(ownerKey({ kind: child.external_ids[TAG.kind] ?? '', id: child.external_ids[TAG.id] ?? '' }))) continue;
          this.#differ(owner, 'differs', `${table} ${key} holds a foreign ${childTable} ${child ? nameOf(child) : id}`);
          this.#holding(table, uuid(found._uuid), column).deleted.push(uuid(id));
        }
      }
    }
  }

  changes(): Changes {
    for (const { table, reference, columns } of this.#holdings.values()) {
      if (this.#removed.has(idOf(reference))) continue;
      const insert = this.#inserts.get(idOf(reference));
      const mutations: Mutation[] = [];
      for (const [column, { inserted, deleted }] of columns) {
        if (insert) insert.row[column] = ['set', inserted];
        if (deleted.length > 0) mutations.push([column, 'delete', ['set', deleted]]);
        if (inserted.length > 0) mutations.push([column, 'insert', ['set', inserted]]);
      }
      if (!insert) this.#others.push({ op: 'mutate', table, where: [['_uuid', '==', reference]], mutations });
    }
    return { operations: [...this.#guards, ...this.#inserts.values(), ...this.#others], differences: [...this.#differences.values()] };
  }

  #update(
    owner: Owner, table: Table, found: NorthboundRow, columns: Record<string, unknown>, tags: Record<string, string> | null, generation: number | null,
  ): void {
    const now = found as Record<string, unknown>;
    const changed: Record<string, unknown> = {};
    for (const [column, value] of Object.entries(columns)) if (!same(now[column], value)) changed[column] = value;
    if (tags) {
      const ids = found.external_ids;
      const ours = Object.fromEntries(Object.entries(ids).filter(([key]) => key.startsWith('intercloud:') && key !== TAG.generation));
      const differ = !same(ours, tags);
      const newer = generation !== null && ids[TAG.generation] !== String(generation);
      const foreign = Object.fromEntries(Object.entries(ids).filter(([key]) => !key.startsWith('intercloud:')));
      const number = generation === null ? ids[TAG.generation] : String(generation);
      const external_ids = { ...foreign, ...tags, ...(number !== undefined && { [TAG.generation]: number }) };
      if (differ) changed['external_ids'] = external_ids;
      // A newer intent with the same content is remembered, but is no difference.
      else if (newer) this.#write(table, found, { external_ids });
    }
    if (Object.keys(changed).length === 0) return;
    this.#differ(owner, 'differs', `${table} ${nameOf(found)} differs in ${Object.keys(changed).join(', ')}`);
    this.#write(table, found, changed);
  }

  #write(table: Table, found: NorthboundRow, columns: Record<string, unknown>): void {
    this.#others.push({ op: 'update', table, where: [['_uuid', '==', uuid(found._uuid)]], row: data(table, columns) });
  }

  /** Switches and the like have no index in the database: another writer that was faster would leave two of them. */
  #guard({ table, key }: WantedRow): void {
    if (!ROOTS.has(table)) return;
    const where: Condition = isNamed(table) ? ['name', '==', key] : ['external_ids', 'includes', textMap({ [TAG.row]: key })];
    this.#guards.push({ op: 'wait', table, where: [where], columns: ['_uuid'], until: '==', rows: [], timeout: 0 });
  }

  #holdRow(owner: Owner, { row, found, reference }: Wanted): void {
    const wantedHolders = new Set<string>();
    const holders = found ? this.#index.holders(found._uuid) : [];
    for (const { table, key, column } of row.heldBy) {
      const holder = this.#wanted.get(`${table} ${key}`);
      const there = holder?.found ?? (holder ? undefined : this.#index.find(table, key)[0]);
      if (!holder && !there) throw new DriverError('missing', `The ${owner.kind} ${owner.id} needs ${table} ${key}, which is not there`);
      if (there) wantedHolders.add(`${there._uuid} ${column}`);
      if (there && holders.some((one) => one.uuid === there._uuid && one.column === column)) continue;
      if (found) this.#differ(owner, 'differs', `${table} ${key} does not hold ${row.table} ${row.key}`);
      this.#holding(table, there ? uuid(there._uuid) : (holder as Wanted).reference, column).inserted.push(reference);
    }
    for (const holder of holders) {
      if (wantedHolders.has(`${holder.uuid} ${holder.column}`)) continue;
      this.#differ(owner, 'differs', `${holder.table} ${holder.uuid} should not hold ${row.table} ${row.key}`);
      this.#holding(holder.table, uuid(holder.uuid), holder.column).deleted.push(reference);
    }
  }

  #holding(table: Table, reference: UuidAtom, column: string): Holding {
    const id = idOf(reference);
    const holding = this.#holdings.get(id) ?? { table, reference, columns: new Map<string, Holding>() };
    this.#holdings.set(id, holding);
    const inColumn = holding.columns.get(column) ?? { inserted: [], deleted: [] };
    holding.columns.set(column, inColumn);
    return inColumn;
  }

  /** As atoms: a row that is yet to be made has no uuid to compare. */
  #dhcpColumns(dhcp: WantedRow['dhcp']): Record<string, Atom | null> {
    if (!dhcp) return {};
    const first = (keys: string[]): Atom | null => {
      for (const key of keys) {
        const wanted = this.#wanted.get(`DHCP_Options ${key}`);
        if (wanted) return wanted.reference;
        const there = this.#index.find('DHCP_Options', key).find((row) => !this.#removed.has(row._uuid));
        if (there) return uuid(there._uuid);
      }
      return null;
    };
    return { dhcpv4_options: first(dhcp.dhcpv4_options), dhcpv6_options: first(dhcp.dhcpv6_options) };
  }

  #differ(owner: Owner, kind: NetworkDifference['kind'], detail: string): void {
    // What belongs to no resource is told of as the region's one group, under a name that no tenant's group has.
    const resource = (owner.kind === 'region' ? { kind: 'security-group', id: owner.id } : { kind: owner.kind, id: owner.id }) as NetworkResourceRef;
    const known = this.#differences.get(ownerKey(owner));
    if (!known) this.#differences.set(ownerKey(owner), { kind, resource, detail });
    else if (known.detail.length < MOST_DETAIL) known.detail += `; ${detail}`;
  }
}

const MOST_DETAIL = 500;

function idOf(reference: UuidAtom): string {
  return reference[1];
}

function nameOf(row: NorthboundRow): string {
  return ('name' in row && row.name) || row.external_ids[TAG.row] || row._uuid;
}

function data(table: Table, columns: Record<string, unknown>): Record<string, Datum> {
  const shape: Record<string, ColumnKind> = NORTHBOUND[table];
  return Object.fromEntries(
    Object.entries(columns).map(([column, value]) => [
      column,
      isAtom(value) ? value : toDatum(shape[column] as ColumnKind, value as string),
    ]),
  );
}

function isAtom(value: unknown): value is Atom {
  return Array.isArray(value) && value.length === 2 && (value[0] === 'uuid' || value[0] === 'named-uuid');
}

/** Sets in any order, maps in any order, references by uuid. */
function same(now: unknown, wanted: unknown): boolean {
  if (isAtom(wanted)) return Array.isArray(wanted) && wanted[0] === 'uuid' && now === wanted[1];
  if (Array.isArray(wanted)) {
    const set = new Set(now as unknown[]);
    return set.size === new Set(wanted).size && wanted.every((element) => set.has(element));
  }
  if (wanted !== null && typeof wanted === 'object') {
    const map = now as Record<string, unknown>;
    const entries = Object.entries(wanted);
    return Object.keys(map).length === entries.length && entries.every(([key, value]) => map[key] === value);
  }
  return now === wanted;
}
