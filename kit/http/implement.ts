/** Ties a contract to its handlers: a missing or mistyped handler does not compile. */
import type { BodyOf, Operation, Operations, QueryOf, ResponseOf, Service } from '../../contract/contract.ts';
import type { Random } from '../clock.ts';
import type { Database, Transaction } from '../postgres/database.ts';
import type { Policy } from '../policy/policy.ts';
import type { Caller } from './caller.ts';
import type { Page, SocketRoute } from './sockets.ts';

type ParamNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamNames<Rest> : never;

/** What every handler and rule may know about the call that it serves. */
export type Call = {
  readonly caller: Caller;
  readonly requestId: string;
  readonly now: Date;
  /** Ids, secrets and every other choice come from here, so that a run can be replayed from its seed. */
  readonly random: Random;
};

/** A call inside its transaction: what rules ask for. */
export type Context = Call & { readonly tx: Transaction };

/** For rules that ask the operator's: `context.policy.demand(…)`. */
export type Judged = { readonly policy: Policy };

type CommonRequest<O extends Operation> = Call & Judged & {
  readonly params: { readonly [N in ParamNames<O['path']>]: string };
  readonly query: QueryOf<O>;
  /** Parameters of the query that the contract does not name. */
  readonly otherQuery: Readonly<Record<string, string | string[]>>;
  readonly body: BodyOf<O>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Where clients reach this cloud: `http://host:port`, as they wrote it. */
  readonly base: string;
  /** Path and query as they wrote them, which is what they sign. */
  readonly address: string;
  /** From which address it is asked. */
  readonly remoteAddress: string;
  /** An absolute address in this service, below the path at which it was called. */
  url(path: string): string;
  /** This list's address with other query parameters: for links to the next page. */
  page(change: Record<string, string>): string;
  /** Ends when the client goes away or the server stops. */
  readonly signal: AbortSignal;
};

/** Whose rows a transaction is about, where a `grantable` operation has found that the caller may. */
export type Whose = { readonly projectId: string };

type OwnTransactions = {
  read<T>(work: (tx: Transaction) => Promise<T>, whose?: Whose): Promise<T>;
  /** One transaction with the audit entry and the idempotency result; `work`'s value is what the handler must return. */
  commit<T>(work: (tx: Transaction) => Promise<T>, whose?: Whose): Promise<T>;
};

export type Request<O extends Operation> = CommonRequest<O> & (O extends { effects: 'own' } ? OwnTransactions : { readonly tx: Transaction });

/** A reply that is more than its body. */
export class Answer<T> {
  readonly body: T;
  readonly status: number | undefined;
  readonly headers: Record<string, string>;
  /** The address of the next page, for the `Link` header. */
  readonly next: string | undefined;

  constructor(body: T, more: { status?: number; headers?: Record<string, string>; next?: string | undefined } = {}) {
    this.body = body;
    this.status = more.status;
    this.headers = more.headers ?? {};
    this.next = more.next;
  }
}

/** Nothing is to be returned where the contract has no body. */
type Result<O extends Operation> = ResponseOf<O> | Answer<ResponseOf<O>> | (ResponseOf<O> extends undefined ? void : never);

export type Handler<O extends Operation> = (request: Request<O>) => Promise<Result<O>>;
export type Handlers<O extends Operations> = { readonly [K in keyof O]: Handler<O[K]> };

/** A handler whose types have been checked where it was written; the door calls it by data. */
export type AnyHandler = (request: never) => Promise<unknown>;

/** What is known of a request before a byte of its body is read. */
export type Arriving = { readonly method: string; readonly address: string; readonly headers: Readonly<Record<string, string | string[] | undefined>> };

export type Implementation = {
  readonly service: Service;
  /** For a service whose requests are signed: the token of whoever signed this one. Undefined: nobody did. Refuses what is signed wrongly. */
  readonly identify?: (request: Arriving) => Promise<string | undefined>;
  /** Of a request that nobody has signed so far: what pages send says in its body who signed it. Undefined: it is nothing of the kind. */
  readonly open?: (request: Arriving, body: AsyncIterable<Uint8Array>) => Promise<{ token: string | undefined; body: AsyncIterable<Uint8Array> } | undefined>;
  readonly database: Database;
  readonly handlers: Readonly<Record<string, Readonly<Record<string, AnyHandler>>>>;
  /** Beside its operations: what browsers show, and what a connection is joined to. */
  readonly pages?: readonly Page[];
  readonly sockets?: readonly SocketRoute[];
};

export function implement<const O extends Operations>(_contract: O, handlers: Handlers<O>): Handlers<O> {
  return handlers;
}

export function implementService<const S extends Service>(
  contract: S,
  database: Database,
  nouns: { readonly [N in keyof S['nouns']]: Handlers<S['nouns'][N]> },
): Implementation {
  return { service: contract, database, handlers: nouns as unknown as Implementation['handlers'] };
}
