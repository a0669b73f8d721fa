/** Certificates with which users log in to Windows guests. nova/crypto.py, generate_winrm_x509_cert */
import { generateKeyPair, sign, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import type { MadeKey } from './ssh-keys.ts';

const validForDays = 3650;

/** A self-signed certificate of the user's, for logging in as a client; its key is RSA of 2048 bits. */
export async function makeCertificate(userId: string, { now, serial }: { now: Date; serial: Buffer }): Promise<MadeKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const name = sequence(set(sequence(oid(commonName), utf8(userId))));
  const toBeSigned = sequence(
    context(0, integer(Buffer.of(2))),
    // A first bit that is set would make it negative.
    integer(Buffer.concat([Buffer.of(serial[0]! & 0x7f), serial.subarray(1)])),
    sha256WithRsa,
    name,
    sequence(time(now), time(new Date(now.getTime() + validForDays * 86_400_000))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(extension(extendedKeyUsage, sequence(oid(clientAuth))), extension(subjectAltName, sequence(context(0, oid(userPrincipalName), context(0, utf8(`${userId}@localhost`))))))),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = pem(sequence(toBeSigned, sha256WithRsa, element(0x03, Buffer.of(0), signature)));
  return { publicKey: certificate, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }), fingerprint: certificateFingerprint(certificate)! };
}

/** Of a certificate in PEM, or undefined when it is none. */
export function certificateFingerprint(text: string): string | undefined {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) return undefined;
  try {
    return new X509Certificate(text).fingerprint.toLowerCase();
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_OSSL')) return undefined;
    throw error;
  }
}

// DER, as much of it as this needs: ITU-T X.690

const commonName = [2, 5, 4, 3];
const extendedKeyUsage = [2, 5, 29, 37];
const subjectAltName = [2, 5, 29, 17];
const clientAuth = [1, 3, 6, 1, 5, 5, 7, 3, 2];
const userPrincipalName = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];
const sha256WithRsa = sequence(oid([1, 2, 840, 113549, 1, 1, 11]), element(0x05));

function element(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const length = Buffer.from(content.length.toString(16).padStart(content.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return element(0x30, ...parts);
}

function set(...parts: Buffer[]): Buffer {
  return element(0x31, ...parts);
}

function context(number: number, ...parts: Buffer[]): Buffer {
  return element(0xa0 | number, ...parts);
}

function integer(value: Buffer): Buffer {
  return element(0x02, value);
}

function utf8(text: string): Buffer {
  return element(0x0c, Buffer.from(text));
}

function extension(id: number[], value: Buffer): Buffer {
  return sequence(oid(id), element(0x04, value));
}

/** `YYMMDDHHMMSSZ` until 2049, with the whole year from then on: RFC 5280, 4.1.2.5 */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050 ? element(0x17, Buffer.from(digits.slice(2))) : element(0x18, Buffer.from(digits));
}

function oid([first = 0, second = 0, ...rest]: number[]): Buffer {
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(number: number): number[] {
  const digits = [number & 0x7f];
  for (let left = number >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`;
}
