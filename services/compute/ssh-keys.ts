/** Key pairs in the shapes that ssh clients read. nova/crypto.py */
import { createHash, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

export type MadeKey = { publicKey: string; privateKey: string; fingerprint: string };

const algorithms = /^(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/;

/** A new RSA key of 2048 bits, as Nova makes them: PEM for the user, one line for the guest. */
export async function makeKey(): Promise<MadeKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const blob = Buffer.concat([field('ssh-rsa'), field(positive(e)), field(positive(n))]);
  return {
    publicKey: `ssh-rsa ${blob.toString('base64')} Generated-by-Nova`,
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }),
    fingerprint: fingerprintOf(blob),
  };
}

/** The fingerprint of a public key in authorized_keys form, or undefined when it is none. */
export function readFingerprint(publicKey: string): string | undefined {
  const [algorithm = '', encoded = ''] = publicKey.trim().split(/\s+/);
  if (!algorithms.test(algorithm) || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const blob = Buffer.from(encoded, 'base64');
  // The key names its algorithm once more, inside.
  if (blob.length < 4 + algorithm.length || blob.readUInt32BE(0) !== algorithm.length || blob.toString('latin1', 4, 4 + algorithm.length) !== algorithm) return undefined;
  return fingerprintOf(blob);
}

function fingerprintOf(blob: Buffer): string {
  return createHash('md5').update(blob).digest('hex').match(/../g)!.join(':');
}

/** RFC 4253, section 5: a length and so many bytes. */
function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A number whose first bit is set would read as negative. */
function positive(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url');
  return bytes[0]! & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
}
