/** Tables of an OVSDB server as they are now: filled by a monitor (ovsdb-server(7), "Monitor Cond Since") and kept by what it tells. */
import { EventEmitter, once } from 'node:events';
import { DriverError } from '../driver.ts';
import { fromDatum, isMany, type Cells, type ColumnKind, type DatabaseShape, type Datum, type Row } from './ovsdb-values.ts';

/** The rows of some tables, as of the newest transaction that the server told. Do not write to it. */
export type Replica<D extends DatabaseShape> = {
  /** By uuid. `unavailable` while the server cannot be reached, since what is held may be old. */
  rows<T extends keyof D & string>(table: T): ReadonlyMap<string, Row<D[T]>>;
  /** Resolves when `holds` does; `unavailable` after `timeoutMs`. */
  until(holds: () => boolean, timeoutMs: number): Promise<void>;
  /** Called for every row that changed, and first for every row that is there. */
  onRow(listener: RowListener<D>): void;
};

export type RowListener<D extends DatabaseShape> = <T extends keyof D & string>(
  table: T,
  before: Row<D[T]> | undefined,
  after: Row<D[T]> | undefined,
) => void;

type RowUpdate = { initial?: WireRow; insert?: WireRow; modify?: WireRow; delete?: null };
type WireRow = Record<string, Datum>;
export type TableUpdates = Record<string, Record<string, RowUpdate>>;

export type Follower = {
  readonly id: string;
  request(): unknown[];
  start(answer: [boolean, string, TableUpdates]): void;
  apply(lastTransaction: string, updates: TableUpdates): void;
  lost(): void;
};

export class LiveReplica<D extends DatabaseShape> implements Replica<D>, Follower {
  readonly id: string;
  readonly #database: string;
  readonly #shapes: D;
  readonly #tables = new Map<string, Map<string, Record<string, unknown>>>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #rowListeners: RowListener<D>[] = [];
  #current = false;
  #lastTransaction = '00000000-0000-0000-0000-000000000000';

  constructor(database: string, shapes: D) {
    this.id = `${database}#${replicaCount++}`;
    this.#database = database;
    this.#shapes = shapes;
    for (const table of Object.keys(shapes)) this.#tables.set(table, new Map());
  }

  rows<T extends keyof D & string>(table: T): ReadonlyMap<string, Row<D[T]>> {
    if (!this.#current) throw new DriverError('unavailable', `${this.#database} is not connected`);
    return this.#tables.get(table) as unknown as ReadonlyMap<string, Row<D[T]>>;
  }

  async until(holds: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      while (!(this.#current && holds())) await once(this.#changes, 'change', { signal: deadline });
    } catch (cause) {
      if (!deadline.aborted) throw cause;
      throw new DriverError('unavailable', `${this.#database} did not become as awaited in ${timeoutMs} ms`, { cause });
    }
  }

  onRow(listener: RowListener<D>): void {
    this.#rowListeners.push(listener);
    for (const [table, rows] of this.#tables) for (const row of rows.values()) listener(table, undefined, row as Row<D[string]>);
  }

  request(): unknown[] {
    const tables = Object.entries(this.#shapes).map(([table, shape]) => [table, [{ columns: Object.keys(shape) }]]);
    return [this.#database, this.id, Object.fromEntries(tables), this.#lastTransaction];
  }

  /** The answer to `request`: only what is newer than we knew, when the server still knows that far back. */
  start([found, lastTransaction, updates]: [boolean, string, TableUpdates]): void {
    if (!found)
      for (const [table, rows] of this.#tables) for (const id of [...rows.keys()]) this.#put(table, rows, id, undefined);
    this.#current = true;
    this.apply(lastTransaction, updates);
  }

  apply(lastTransaction: string, updates: TableUpdates): void {
    this.#lastTransaction = lastTransaction;
    for (const [table, rows] of Object.entries(updates))
      for (const [id, update] of Object.entries(rows)) this.#applyRow(table, id, update);
    this.#changes.emit('change');
  }

  lost(): void {
    this.#current = false;
  }

  #applyRow(table: string, id: string, update: RowUpdate): void {
    const shape = this.#shapes[table];
    const rows = this.#tables.get(table);
    if (!shape || !rows) return;
    const whole = update.initial ?? update.insert;
    const before = rows.get(id);
    if (whole) {
      const row: Record<string, unknown> = { _uuid: id };
      // Columns that hold their default are left out.
      for (const [column, kind] of Object.entries(shape))
        row[column] = whole[column] === undefined ? structuredClone(EMPTY[kind]) : fromDatum(kind, whole[column]);
      this.#put(table, rows, id, row);
    } else if (update.modify && before) {
      const row = { ...before };
      for (const [column, difference] of Object.entries(update.modify)) {
        const kind = shape[column];
        if (kind) row[column] = modified(kind, row[column] as Cells[ColumnKind], difference);
      }
      this.#put(table, rows, id, row);
    } else {
      this.#put(table, rows, id, undefined);
    }
  }

  #put(table: string, rows: Map<string, Record<string, unknown>>, id: string, row: Record<string, unknown> | undefined): void {
    const before = rows.get(id);
    if (row) rows.set(id, row);
    else rows.delete(id);
    for (const listener of this.#rowListeners) listener(table, before as Row<D[string]> | undefined, row as Row<D[string]> | undefined);
  }
}

let replicaCount = 0;

/** Sets and maps come as differences, single values as they are now: ovsdb-server(7), "Update2 Notification". */
function modified(kind: ColumnKind, before: Cells[ColumnKind], difference: Datum): Cells[ColumnKind] {
  const changed = fromDatum(kind, difference);
  if (isMany(kind)) {
    const elements = new Set(before as string[]);
    for (const element of changed as string[]) if (!elements.delete(element)) elements.add(element);
    return [...elements];
  }
  if (kind === 'map') {
    const map = { ...(before as Record<string, string>) };
    for (const [key, value] of Object.entries(changed as Record<string, string>)) {
      if (map[key] === value) delete map[key];
      else map[key] = value;
    }
    return map;
  }
  return changed;
}

const EMPTY: Record<ColumnKind, Cells[ColumnKind]> = {
  text: '', number: 0, boolean: false, uuid: '00000000-0000-0000-0000-000000000000',
  'text?': null, 'number?': null, 'boolean?': null, 'uuid?': null,
  texts: [], numbers: [], uuids: [], map: {}, numberMap: {},
};
