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
  /** `limited`: by access rules, which the door looks up. */
  applicationCredential: { id: string; restricted: boolean; limited: boolean } | undefined;
  /** What it was got with, if that had been handed on. */
  trustId: string | undefined;
  accessTokenId: string | undefined;
  ec2CredentialId: string | undefined;
  /** The newest revocation when it was issued: later ones concern it. */
  epoch: number;
  issuedAt: Date;
  expiresAt: Date;
};

/** Each has a bit of one byte: a new one goes to the end. */
export const authMethods = ['password', 'token', 'application_credential', 'totp', 'ec2credential', 'oauth1'] as const;
export type AuthMethod = (typeof authMethods)[number];

/** What begins with another byte is another thing: a receipt is never taken for a token. */
const kinds = { token: 2, receipt: 3 } as const;
export type Kind = keyof typeof kinds;

const flag = { parent: 1 << 2, applicationCredential: 1 << 3, restricted: 1 << 4, limited: 1 << 5, trust: 1 << 6, accessToken: 1 << 7, ec2: 1 << 8 };
const markOf32 = 0xffff;
const markOf64 = 0xfffe;
const scopeKinds = ['unscoped', 'project', 'domain', 'system'] as const;

export function encodeClaims(kind: Kind, claims: Claims, keyId: number): Buffer {
  const writer = new Writer();
  writer.byte(kinds[kind]);
  writer.number(keyId, 2);
  writer.number(scopeKinds.indexOf(claims.scope.kind) | flagsOf(claims), 2);
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
  for (const id of [claims.applicationCredential?.id, claims.trustId, claims.accessTokenId, claims.ec2CredentialId]) if (id !== undefined) writer.id(id);
  writer.set(claims.roleNumbers);
  return writer.done();
}

function flagsOf({ parentAuditId, applicationCredential, trustId, accessTokenId, ec2CredentialId }: Claims): number {
  const set: [boolean, number][] = [
    [parentAuditId !== undefined, flag.parent],
    [applicationCredential !== undefined, flag.applicationCredential],
    [applicationCredential?.restricted === true, flag.restricted],
    [applicationCredential?.limited === true, flag.limited],
    [trustId !== undefined, flag.trust],
    [accessTokenId !== undefined, flag.accessToken],
    [ec2CredentialId !== undefined, flag.ec2],
  ];
  return set.reduce((flags, [is, bit]) => flags | (is ? bit : 0), 0);
}

/** The key that signed it; undefined when these are not the beginnings of such a thing. */
export function keyIdOf(kind: Kind, bytes: Buffer): number | undefined {
  return bytes.length > 3 && bytes[0] === kinds[kind] ? bytes.readUInt16BE(1) : undefined;
}

/** Only ever called with bytes whose signature was right, so it need not expect any others. */
export function decodeClaims(bytes: Buffer): Claims {
  const reader = new Reader(bytes, 3);
  const flags = reader.number(2);
  const methodBits = reader.byte();
  const issuedAt = new Date(reader.number(6));
  const expiresAt = new Date(reader.number(6));
  const epoch = reader.number(6);
  const auditId = reader.bytes(16).toString('base64url');
  const parentAuditId = flags & flag.parent ? reader.bytes(16).toString('base64url') : undefined;
  const userId = reader.id();
  const userDomainId = reader.id();
  const userName = reader.text();
  const scope = readScope(scopeKinds[flags & 3]!, reader);
  const applicationCredential = flags & flag.applicationCredential ? { id: reader.id(), restricted: (flags & flag.restricted) !== 0, limited: (flags & flag.limited) !== 0 } : undefined;
  const [trustId, accessTokenId, ec2CredentialId] = [flag.trust, flag.accessToken, flag.ec2].map((bit) => (flags & bit ? reader.id() : undefined));
  const roleNumbers = reader.set();
  const methods = authMethods.filter((_, index) => methodBits & (1 << index));
  return { userId, userName, userDomainId, scope, roleNumbers, methods, auditId, parentAuditId, applicationCredential, trustId, accessTokenId, ec2CredentialId, epoch, issuedAt, expiresAt };
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

  /** 32 hex digits are 16 bytes, and 64 are 32, marked by lengths that no text has. */
  id(value: string): void {
    if (!/^([0-9a-f]{32}){1,2}$/.test(value)) return this.text(value);
    this.number(value.length === 32 ? markOf32 : markOf64, 2);
    this.bytes(Buffer.from(value, 'hex'));
  }

  /** Numbers in no order, in fewer bytes: as the distances between them, or as a bit for each that might be there. */
  set(numbers: readonly number[]): void {
    const sorted = [...new Set(numbers)].sort((a, b) => a - b);
    const [first = 0, last = 0] = [sorted[0], sorted.at(-1)];
    const bits = Buffer.alloc(Math.ceil((last - first + 1) / 8));
    for (const number of sorted) bits[(number - first) >> 3]! |= 1 << ((number - first) & 7);
    const distances = sorted.map((number, index) => number - (sorted[index - 1] ?? 0));
    const asDistances = distances.reduce((sum, distance) => sum + (distance < 0x80 ? 1 : 2), 0);
    const dense = bits.length + 2 < asDistances;
    this.short(sorted.length * 2 + (dense ? 1 : 0));
    if (!dense) return distances.forEach((distance) => this.short(distance));
    this.number(first, 2);
    this.number(bits.length, 2);
    this.bytes(bits);
  }

  /** One byte, two for 128 and more, three for 16,384 and more. */
  short(value: number): void {
    for (let left = value; ; left >>>= 7) {
      this.byte((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
      if (left <= 0x7f) return;
    }
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
    if (size === markOf32 || size === markOf64) return this.bytes(size === markOf32 ? 16 : 32).toString('hex');
    return this.bytes(size).toString('utf8');
  }

  set(): number[] {
    const head = this.short();
    const count = head >> 1;
    if ((head & 1) === 0) {
      let number = 0;
      return Array.from({ length: count }, () => (number += this.short()));
    }
    const first = this.number(2);
    const bits = this.bytes(this.number(2));
    return Array.from({ length: bits.length * 8 }, (_, index) => index)
      .filter((index) => bits[index >> 3]! & (1 << (index & 7)))
      .map((index) => first + index);
  }

  short(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}
