/** Values of OVSDB: as they are on the wire (RFC 7047, 5.1), and as rows are read here. */

export type Atom = string | number | boolean | ['uuid', string] | ['named-uuid', string];
export type Datum = Atom | ['set', Atom[]] | ['map', [Atom, Atom][]];
/** How a column is read. A `?` is a column that holds one value or none. */
export type Cells = {
  text: string;
  number: number;
  boolean: boolean;
  'text?': string | null;
  'number?': number | null;
  'boolean?': boolean | null;
  'uuid?': string | null;
  uuid: string;
  texts: string[];
  numbers: number[];
  uuids: string[];
  map: Record<string, string>;
  numberMap: Record<string, number>;
};

export type ColumnKind = keyof Cells;
export type TableShape = Readonly<Record<string, ColumnKind>>;
export type DatabaseShape = Readonly<Record<string, TableShape>>;
export type Row<S extends TableShape> = { [C in keyof S]: Cells[S[C]] } & { _uuid: string };

export function uuid(id: string): ['uuid', string] {
  return ['uuid', id];
}

export function uuidSet(ids: Iterable<string>): Datum {
  return ['set', [...ids].map(uuid)];
}

export function textMap(map: Record<string, string>): Datum {
  return ['map', Object.entries(map)];
}

export function toDatum(kind: ColumnKind, value: Cells[ColumnKind]): Datum {
  if (value === null) return ['set', []];
  if (kind === 'map' || kind === 'numberMap') return ['map', Object.entries(value as Record<string, string | number>)];
  if (kind === 'uuids') return uuidSet(value as string[]);
  if (kind === 'uuid' || kind === 'uuid?') return uuid(value as string);
  if (Array.isArray(value)) return ['set', value as Atom[]];
  return value as Atom;
}

export function fromDatum(kind: ColumnKind, datum: Datum): Cells[ColumnKind] {
  if (kind === 'map') return Object.fromEntries(asPairs(datum).map(([key, value]) => [plain(key), String(plain(value))]));
  if (kind === 'numberMap') return Object.fromEntries(asPairs(datum).map(([key, value]) => [plain(key), Number(plain(value))]));
  const atoms = asAtoms(datum).map(plain);
  if (isMany(kind)) return atoms as string[];
  return atoms[0] ?? null;
}

/** The atoms of a set; one atom is written bare. */
export function asAtoms(datum: Datum): Atom[] {
  return Array.isArray(datum) && datum[0] === 'set' ? datum[1] : [datum as Atom];
}

function asPairs(datum: Datum): [Atom, Atom][] {
  return Array.isArray(datum) && datum[0] === 'map' ? datum[1] : [];
}

function plain(atom: Atom): string | number | boolean {
  return Array.isArray(atom) ? atom[1] : atom;
}

export function isMany(kind: ColumnKind): boolean {
  return kind === 'texts' || kind === 'numbers' || kind === 'uuids';
}
