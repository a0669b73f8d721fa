/**
 * The vocabulary in which promises are written: services, operations, schemas, microversions, faults.
 *
 * A contract is data. The door (`kit/http`) serves it, `client.ts` calls it, `openapi.ts` publishes it,
 * and the generated tests try every operation of it. Schemas describe the newest microversion; `since`
 * and `until` mark what older ones lack, and `Change` says what cannot be said by a mark.
 */
import type { Static, TSchema } from 'typebox';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'COPY' | 'OPTIONS';

/**
 * Who may call, before the rules look at whose object it is.
 *
 * `anyone` needs no token; `user` any valid token, unscoped too; `reader`, `member`, `manager` that role in
 * the token's project (a higher role implies the lower); `renter` that role in the token's project, which whoever rents a part
 * of the cloud has (docs/decisions/0007); `admin` the admin role; `service` the service role or admin.
 */
export type Who = 'anyone' | 'user' | 'reader' | 'member' | 'manager' | 'renter' | 'admin' | 'service';

export type Access = {
  /** The upstream name of the rule (`openstack/surface/policy-operations.tsv`), by which operators know it. */
  rule: string;
  who: Who;
  /** For `reader`, `member`, `manager`: an administrator's call reaches the objects of every project. */
  adminEverywhere?: boolean;
  /**
   * The handler asks the rule itself, as it depends on whose thing it is. `who` is then what any caller who may
   * needs, as long as the operator has not put another rule in this one's place.
   */
  judged?: true;
  /**
   * Whoever owns the thing can let others in, strangers without a token too. The handler asks whether he did, and says
   * whose transaction it is; `who` is what people of the owner's own project need.
   */
  grantable?: true;
};

export type Operation = {
  method: Method;
  /** Below the service's path, with `{name}` for parameters: `/servers/{server_id}`. */
  path: string;
  /** The last parameter of the path is all that comes there, slashes too. */
  rest?: true;
  /** The key of the body that picks this operation among those of one path: `os-start` of `POST …/action`. */
  action?: string;
  summary: string;
  access: Access;
  stability: 'stable' | 'deprecated' | 'experimental';
  /** When `deprecated`: dates for the `Deprecation` and `Sunset` headers (RFC 9745, RFC 8594). */
  deprecation?: { since: string; sunset?: string };
  /** Microversions in which it exists. */
  since?: string;
  until?: string;
  /** Path parameters that are not plain text of at most 255 characters: what is said here of one is all that is asked of it. */
  params?: TSchema;
  query?: TSchema;
  /** A schema for JSON; `stream` for bytes that the handler reads itself. */
  body?: TSchema | 'stream';
  /** A body may be left out; not at microversions for which `changes` has another one. */
  bodyOptional?: boolean;
  /** Where the microversion does not have it, the path has it still: 405 then, and else 404. */
  absentAs?: 405;
  /** Media types taken, besides `application/json`. A stream of any type whatever: the one that is a star and a star. */
  consumes?: readonly string[];
  /** Largest body in bytes; 1 MiB unless told; streams are bounded by their handler. */
  maxBodyBytes?: number;
  /** The status of success, and the body's schema (none: an empty body; `stream`: bytes). */
  status: number;
  response?: TSchema | 'stream';
  /** Further statuses of success that the handler may choose. */
  otherStatuses?: readonly number[];
  /**
   * `transaction` (the default for all but GET and HEAD): the handler, the idempotency result and the audit
   * entry commit together. `none`: it changes nothing. `own`: it makes its own transactions, because bytes or
   * computation of unbounded length lie between them.
   */
  effects?: 'transaction' | 'none' | 'own';
  /** For a list: lets clients watch it (`Accept: text/event-stream`). */
  list?: ListOfItems | ListAsWhole;
};

/** Each item is told of as the same noun shows it. */
export type ListOfItems = {
  /** The resource of the events: `server`. */
  resource: string;
  /** The operation of the same noun that shows one, and the path parameter that takes the id. */
  show: string;
  parameter: string;
  /** Its items belong to no project: whoever may list may watch, and is told of the items that they may see. Events of private ones name those projects as `seenBy`. */
  ofNoProject?: true;
  /** Its items belong to a user: he is told of his own, in whatever project they were changed. Their events name him as `userId`. */
  ofUser?: true;
};

/** For items that nothing shows one by one, such as parts of a thing: when the list has become another for its reader, it is told whole. */
export type ListAsWhole = {
  /** It is read again after events of these resources; after those of one thing only, where this names the path parameter with its id. */
  after: Readonly<Record<string, string | null>>;
  /** It also changes without any event, as time goes by: it is read again with every sign of life. */
  byItself?: true;
};

export type Operations = Record<string, Operation>;

/** One step between two microversions that marks on the schema cannot express. Applied newest first to replies, oldest first to requests. */
export type Change = {
  /** The first microversion with the newer behaviour. */
  version: string;
  title: string;
  /** Operation ids as `noun.operation`; a trailing `*` stands for the rest. */
  operations: readonly string[];
  /** From the newer reply's body to the older one's. */
  response?: (body: never) => unknown;
  /** From the older request's body to the newer one's. */
  request?: (body: never) => unknown;
  /** From the older request's query to the newer one's. */
  query?: (query: never) => unknown;
  /** The body's schema before this version, when marks cannot express it. */
  body?: TSchema;
  /** The status of success before this version. */
  status?: number;
  /** What replies have had from this version on only. */
  newHeaders?: readonly string[];
};

/** A fault as the services know it, before a service's shape is given to it. */
export type FaultFacts = {
  status: number;
  /** The service's own name for it: `itemNotFound`, `NetworkNotFound`. */
  code: string;
  /** For people: what is wrong and what to do. */
  message: string;
  detail?: string;
  requestId: string;
  /** What the client accepts, for a service that answers in several types. */
  accept?: string;
};

export type Shaped = { body: unknown; contentType?: string; headers?: Record<string, string> };

export type DiscoveryPage = {
  path: string;
  status: number;
  document: (base: string) => unknown;
  contentType?: string;
  headers?: (base: string, asked: { version: string | undefined; now: Date }) => Record<string, string>;
  /** It is told at the microversion that is asked for, if there is such a one. */
  versioned?: true;
  /** For clients that would rather have this type than the usual one. */
  alternative?: { contentType: string; document: (base: string) => unknown };
};

export type Service = {
  /** In the catalog: `compute`. */
  type: string;
  /** In the catalog: `nova`. */
  name: string;
  title: string;
  /** Where the service begins, at the cloud's address: `/compute`. */
  root: string;
  /** Where its operations begin: `/compute/v2.1`. */
  path: string;
  /** What the catalog says, with `{project_id}` where clients expect it. */
  catalogPath: string;
  /** Where its oldest clients look for it: the operations of the lowest microversion, whatever their headers say. */
  olderPath?: string;
  /** Whether operations are also found below `<path>/<project id>`. */
  projectInPath: boolean;
  where: 'home' | 'region';
  /** HEAD asks what GET would answer, without its body, wherever nothing else is promised for HEAD. */
  answersHead?: boolean;
  /** `unknown`: where an id is missing behind the last slash there is nothing, as in services that use Routes; else the slash does not count. */
  slashAtEnd?: 'unknown';
  microversions?: {
    /** In `OpenStack-API-Version: <name> X.Y`. */
    name: string;
    /** A header of its own that it had before. */
    legacyHeader?: string;
    min: string;
    max: string;
    changes: readonly Change[];
    /** How the service says that there is no such version. */
    refusals?: { malformed: (wanted: string) => string; unsupported: (wanted: string) => string };
  };
  /** Documents that tell clients which versions there are; no token is needed. */
  discovery: readonly DiscoveryPage[];
  /** What it says of a path with a NUL in it, where that is more than that there is no such thing. */
  nulInPath?: { status: number; message: string };
  /** Who may do what, by upstream's names; for the rules that its handlers ask. */
  policy?: Readonly<Record<string, string>>;
  /** For which tokens such a rule is at all: upstream's `scope_types`. */
  scopeTypes?: Readonly<Record<string, readonly ('system' | 'domain' | 'project')[]>>;
  shape: (fault: FaultFacts) => Shaped;
  /** Its requests are numbered as `tx…-…`, and told so in `X-Trans-Id` too. */
  transactionIds?: true;
  /** Other ways to write a body, brought into the one that the operations promise. */
  readBody?: (body: unknown) => unknown;
  /** Other ways to write a path, brought into the one that its operation has. */
  readPath?: (path: string) => string;
  /** Its headers are written `Like-This`: clients of it look for their prefixes. */
  titledHeaders?: true;
  /** It says itself that a token is wanted, in its own shape; for others the middleware of tokens does. */
  asksForTokens?: true;
  /** It says so where a path is there and not for this method (405), where JSON is not accepted (406), and where something else is sent (415). Not for services with actions. */
  strict?: true;
  /** How it says that a body is not JSON. */
  notJson?: (why: string) => string;
  /** How it says that it knows no such parameters of a query. */
  unknownParameters?: (reason: string) => string;
  /** How this service says that a field of the body or query is wrong. */
  invalid?: (issue: { where: 'body' | 'query' | 'path'; field: string; value: unknown; reason: string }) => { code: string; message: string } | undefined;
  /** Nouns and their operations. */
  nouns: Record<string, Operations>;
};

/** Declares operations of one noun: keeps the literal types, so that `implement` can demand each handler. */
export function operations<const O extends Operations>(noun: O): O {
  return noun;
}

export function service<const S extends Service>(declared: S): S {
  return declared;
}

/** Marks a schema (a property of a body or reply) as existing from this microversion on. */
export function since<T extends TSchema>(version: string, schema: T): T {
  return marked(schema, { 'x-since': version });
}

/** Marks a schema as existing up to and including this microversion. */
export function until<T extends TSchema>(version: string, schema: T): T {
  return marked(schema, { 'x-until': version });
}

/** Marks the schema of a query: from this microversion on, parameters that it does not name are refused. */
export function closedSince<T extends TSchema>(version: string, query: T): T {
  return marked(query, { 'x-closed-since': version });
}

/** TypeBox keeps what makes a property optional where a spread does not see it. */
function marked<T extends TSchema>(schema: T, mark: object): T {
  return Object.assign(Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)), mark) as T;
}

/** A stream that may be left out is undefined then. */
type StreamOf<O extends Operation> = AsyncIterable<Uint8Array> | (O extends { bodyOptional: true } ? undefined : never);

export type BodyOf<O extends Operation> = O extends { body: 'stream' } ? StreamOf<O> : O extends { body: infer B extends TSchema } ? Static<B> : undefined;
export type QueryOf<O extends Operation> = O extends { query: infer Q extends TSchema } ? Static<Q> : Record<string, never>;
export type ResponseOf<O extends Operation> = O extends { response: infer R extends TSchema } ? Static<R> : O extends { response: 'stream' } ? AsyncIterable<Uint8Array> | Uint8Array : undefined;

/** Whether the operation may change anything. */
export function effectsOf(operation: Operation): 'transaction' | 'none' | 'own' {
  return operation.effects ?? (operation.method === 'GET' || operation.method === 'HEAD' ? 'none' : 'transaction');
}

/** The newest microversion at which it is served; undefined while none is offered in which it exists. */
export function newestOf(service: Service, { since: from, until: to }: Operation): string | undefined {
  const max = service.microversions?.max;
  if (max === undefined || (from !== undefined && compareVersions(max, from) < 0)) return undefined;
  return to !== undefined && compareVersions(to, max) < 0 ? to : max;
}

/** `2.10` after `2.9`: numbers, not text. Negative, zero or positive, as sorting wants it. */
export function compareVersions(one: string, other: string): number {
  const [major = 0, minor = 0] = one.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split('.').map(Number);
  return major - otherMajor || minor - otherMinor;
}
