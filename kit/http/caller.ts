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

/** The caller whom this token names; undefined when it is not valid (unknown, expired, revoked). */
export type Authenticate = (token: string) => Promise<Caller | undefined> | Caller | undefined;
