/** Who is calling, as learned from the token and from nothing else (ATTACKS 18: never from headers). */
export type Caller = {
  readonly userId: string;
  readonly userName: string;
  readonly userDomainId: string;
  /** What the token is scoped to; all empty: unscoped. */
  readonly projectId: string | null;
  readonly projectName: string | null;
  readonly projectDomainId: string | null;
  readonly domainId: string | null;
  readonly system: boolean;
  /** By name; implied ones included. */
  readonly roles: ReadonlySet<string>;
  readonly isAdmin: boolean;
  /** The token as it was sent, for the operations that look at it. */
  readonly token: string;
  readonly expiresAt: Date;
};

export const nobody: Caller = {
  userId: '',
  userName: '',
  userDomainId: '',
  projectId: null,
  projectName: null,
  projectDomainId: null,
  domainId: null,
  system: false,
  roles: new Set(),
  isAdmin: false,
  token: '',
  expiresAt: new Date(0),
};

/** What the caller asks for, as far as a token may be good for some requests only. */
export type Asked = {
  /** Its type in the catalog, and where it begins at the cloud's address. */
  service: string;
  root: string;
  method: string;
  /** Without the query. */
  path: string;
};

/** The caller whom this token names; undefined when it is not valid (unknown, expired, revoked, not for what is asked). */
export type Authenticate = (token: string, asked?: Asked) => Promise<Caller | undefined> | Caller | undefined;
