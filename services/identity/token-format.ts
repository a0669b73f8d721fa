/** A token's claims as few bytes: what it says fits into a header, and a signature covers all of it. */

/** No token is valid for longer (keystone.conf, [token] expiration). */
export const longestTokenMs = 3_600_000;
/** How long a token may be asked about after its end: long work finishes with it (keystone, allow_expired_window). */
export const expiredWindowMs = 48 * 3_600_000;

export type TokenScope =
  | { kind: 'unscoped' }
  | { kind: 'project'; id: string; name: string; domainId: string }
  | { kind: 'domain'; id: string }
  | { kind: 'system' };

export type Claims = {
  userId: string;
  userName: string;
  userDomainId: string;
  scope: TokenScope;
  /** Numbers of the effective roles, implied ones included. */
  roleNumbers: number[];
  methods: AuthMethod[];
  /** 16 bytes in base64url, as keystone writes them. */
  auditId: string;
  /** The audit id of the first token of the chain that this one came from. */
  parentAuditId: string | undefined;
  applicationCredential: { id: string; restricted: boolean } | undefined;
  /** The newest revocation when it was issued: later ones concern it. */
  epoch: number;
  issuedAt: Date;
  expiresAt: Date;
};

export const authMethods = ['password', 'token', 'application_credential'] as const;
export type AuthMethod = (typeof authMethods)[number];

const formatVersion = 1;
const scopeKinds = ['unscoped', 'project', 'domain', 'system'] as const;

export function encodeClaims(claims: Claims, keyId: number): Buffer {
  const writer = new Writer();
  writer.byte(formatVersion);
  writer.number(keyId, 2);
  writer.byte(scopeKinds.indexOf(claims.scope.kind) | (claims.parentAuditId === undefined ? 0 : 4) | (claims.applicationCredential ? 8 : 0) | (claims.applicationCredential?.restricted ? 16 : 0));
  writer.byte(authMethods.reduce((bits, method, index) => bits | (claims.methods.includes(method) ? 1 << index : 0), 0));
  writer.number(claims.issuedAt.getTime(), 6);
  writer.number(claims.expiresAt.getTime(), 6);
  writer.number(claims.epoch, 6);
  writer.bytes(Buffer.from(claims.auditId, 'base64url'));
  if (claims.parentAuditId !== undefined) writer.bytes(Buffer.from(claims.parentAuditId, 'base64url'));
  writer.id(claims.userId);
  writer.id(claims.userDomainId);
  writer.text(claims.userName);
  if (claims.scope.kind === 'project') {
    writer.id(claims.scope.id);
    writer.id(claims.scope.domainId);
    writer.text(claims.scope.name);
  } else if (claims.scope.kind === 'domain') writer.id(claims.scope.id);
  if (claims.applicationCredential) writer.id(claims.applicationCredential.id);
  writer.byte(claims.roleNumbers.length);
  for (const number of claims.roleNumbers) writer.number(number, 2);
  return writer.done();
}

/** The key that signed it; undefined when these are not the beginnings of a token. */
export function keyIdOf(bytes: Buffer): number | undefined {
  return bytes.length > 3 && bytes[0] === formatVersion ? bytes.readUInt16BE(1) : undefined;
}

/** Only ever called with bytes whose signature was right, so it need not expect any others. */
export function decodeClaims(bytes: Buffer): Claims {
  const reader = new Reader(bytes, 3);
  const flags = reader.byte();
  const methodBits = reader.byte();
  const issuedAt = new Date(reader.number(6));
  const expiresAt = new Date(reader.number(6));
  const epoch = reader.number(6);
  const auditId = reader.bytes(16).toString('base64url');
  const parentAuditId = flags & 4 ? reader.bytes(16).toString('base64url') : undefined;
  const userId = reader.id();
  const userDomainId = reader.id();
  const userName = reader.text();
  const scope = readScope(scopeKinds[flags & 3]!, reader);
  const applicationCredential = flags & 8 ? { id: reader.id(), restricted: (flags & 16) !== 0 } : undefined;
  const roleNumbers = Array.from({ length: reader.byte() }, () => reader.number(2));
  const methods = authMethods.filter((_, index) => methodBits & (1 << index));
  return { userId, userName, userDomainId, scope, roleNumbers, methods, auditId, parentAuditId, applicationCredential, epoch, issuedAt, expiresAt };
}

function readScope(kind: TokenScope['kind'], reader: Reader): TokenScope {
  switch (kind) {
    case 'project': {
      const id = reader.id();
      const domainId = reader.id();
      return { kind, id, domainId, name: reader.text() };
    }
    case 'domain':
      return { kind, id: reader.id() };
    case 'system':
    case 'unscoped':
      return { kind };
    default:
      return kind satisfies never;
  }
}

class Writer {
  readonly #parts: Buffer[] = [];

  byte(value: number): void {
    this.number(value, 1);
  }

  number(value: number, size: number): void {
    const bytes = Buffer.alloc(size);
    bytes.writeUIntBE(value, 0, size);
    this.#parts.push(bytes);
  }

  bytes(value: Buffer): void {
    this.#parts.push(value);
  }

  text(value: string): void {
    const bytes = Buffer.from(value, 'utf8');
    this.number(bytes.length, 2);
    this.bytes(bytes);
  }

  /** 32 hex digits are 16 bytes, marked by a length that no text has. */
  id(value: string): void {
    if (!/^[0-9a-f]{32}$/.test(value)) return this.text(value);
    this.number(0xffff, 2);
    this.bytes(Buffer.from(value, 'hex'));
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  byte(): number {
    return this.number(1);
  }

  number(size: number): number {
    const value = this.#bytes.readUIntBE(this.#at, size);
    this.#at += size;
    return value;
  }

  bytes(size: number): Buffer {
    const value = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    return value;
  }

  text(): string {
    return this.bytes(this.number(2)).toString('utf8');
  }

  id(): string {
    const size = this.number(2);
    return size === 0xffff ? this.bytes(16).toString('hex') : this.bytes(size).toString('utf8');
  }
}
