/**
 * Statements that go to the server together, with one Sync at their end: each Sync is answered by a write of its own,
 * which wakes us, and to be woken costs more than most statements. What one of them fails by, those behind it fail by too.
 */
import type { Socket } from 'node:net';
import pg, { Query } from 'pg';

export type Result = { command: string; rowCount: number | null; rows: Record<string, unknown>[] };
export type Answer = (error: Error | undefined, result: Result | undefined) => void;

/** Without a name it is not kept prepared. */
export type Sent = { text: string; values: unknown[]; name: string | undefined; answer: Answer; /** Who asks. */ whose: object };

type Parser = (text: string) => unknown;
type Column = { name: string; parse: Parser };
export type ParserOf = (oid: number) => Parser;

/** What one connection has prepared, by name: the columns of its rows, which are not asked for again once they are known. */
export type Prepared = Map<string, readonly Column[] | undefined>;

/** Of `pg`'s own connection. */
type Wire = {
  stream: Socket;
  parse(statement: { text: string; name: string | undefined; types: undefined }): void;
  bind(portal: { portal: string; statement: string | undefined; values: unknown[]; valueMapper(value: unknown): unknown }): void;
  describe(portal: { type: 'P'; name: string }): void;
  execute(portal: { portal: string; rows: number }): void;
  sync(): void;
};

const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): unknown } }).utils;

/** As it is sent; throws for what cannot be. */
export const writtenValue = prepareValue;

export class Batch extends Query {
  readonly #sent: readonly Sent[];
  readonly #prepared: Prepared;
  /** Names that an earlier batch, not yet answered, is about to prepare. */
  readonly #underWay: Set<string>;
  readonly #parserOf: ParserOf;
  readonly #ended: () => void;
  readonly #parses: (string | undefined)[] = [];
  #parsed = 0;
  readonly #results: (Result | Error)[] = [];
  #columns: readonly Column[] = [];
  #rows: Record<string, unknown>[] = [];
  #broken: Error | undefined;

  constructor(sent: readonly Sent[], { prepared, underWay, parserOf, ended }: { prepared: Prepared; underWay: Set<string>; parserOf: ParserOf; ended: () => void }) {
    super({ text: 'batch' }, undefined, nobodyWaits);
    this.#sent = sent;
    this.#prepared = prepared;
    this.#underWay = underWay;
    this.#parserOf = parserOf;
    this.#ended = ended;
    this.#begin();
  }

  override submit = (connection: unknown): null => {
    const wire = connection as Wire;
    wire.stream.cork();
    for (const { text, values, name } of this.#sent) {
      const isKnown = name !== undefined && (this.#prepared.has(name) || this.#parses.includes(name));
      // Whether the other batch gets so far is not known yet: this once it goes without a name.
      const statement = name !== undefined && !isKnown && this.#underWay.has(name) ? undefined : name;
      if (!isKnown) {
        wire.parse({ text, name: statement, types: undefined });
        this.#parses.push(statement);
        if (statement !== undefined) this.#underWay.add(statement);
      }
      wire.bind({ portal: '', statement, values, valueMapper: asItIs });
      if (statement === undefined || this.#prepared.get(statement) === undefined) wire.describe({ type: 'P', name: '' });
      wire.execute({ portal: '', rows: 0 });
    }
    wire.sync();
    wire.stream.uncork();
    return null;
  };

  /** The server has one more of them, also when it goes on to fail. */
  handleParseComplete(): void {
    const name = this.#parses[this.#parsed++];
    if (name !== undefined) this.#prepared.set(name, undefined);
  }

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, parse: this.#parserOf(dataTypeID) }));
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const row: Record<string, unknown> = {};
    const columns = this.#columns;
    try {
      for (let index = 0; index < columns.length; index++) {
        const { name, parse } = columns[index]!;
        const text = fields[index]!;
        row[name] = text === null ? null : parse(text);
      }
      this.#rows.push(row);
    } catch (error) {
      this.#broken ??= error as Error;
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    const [command = '', ...counts] = text.split(' ');
    const count = counts.at(-1);
    this.#complete({ command, rowCount: count === undefined || !/^\d+$/.test(count) ? null : Number(count), rows: this.#rows });
  }

  handleEmptyQuery(): void {
    this.#complete({ command: '', rowCount: null, rows: [] });
  }

  /** The server has done what was before, and nothing of what is behind it. */
  handleError(error: Error): void {
    this.#end(error);
  }

  handleReadyForQuery(): void {
    this.#end(new Error('The server has answered fewer statements than it was sent'));
  }

  #begin(): void {
    const name = this.#sent[this.#results.length]?.name;
    this.#columns = (name === undefined ? undefined : this.#prepared.get(name)) ?? [];
    this.#rows = [];
    this.#broken = undefined;
  }

  #complete(result: Result): void {
    const name = this.#sent[this.#results.length]?.name;
    if (name !== undefined && this.#prepared.has(name)) this.#prepared.set(name, this.#columns);
    this.#results.push(this.#broken ?? result);
    this.#begin();
  }

  #end(rest: Error): void {
    this.#ended();
    for (const name of this.#parses) if (name !== undefined) this.#underWay.delete(name);
    for (const [index, { answer }] of this.#sent.entries()) {
      const result = this.#results[index] ?? rest;
      if (result instanceof Error) answer(result, undefined);
      else answer(undefined, result);
    }
  }
}

/** They were written before. */
function asItIs(value: unknown): unknown {
  return value;
}

/** Each statement of it has its own. */
function nobodyWaits(): void {}
