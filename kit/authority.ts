/** Certificates of an authority of one's own: whoever is to trust them is handed the authority's, and no one else's store is asked. */
import 'reflect-metadata';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** Both as PEM. */
export type Authority = { certificate: string; key: string };

export type Wish = {
  /** The common name, and whatever follows it, as `CN=…`. */
  subject: string;
  /** What it may be used for: by whoever is asked, or by whoever asks. */
  use: 'server' | 'client';
  names?: { type: 'dns' | 'ip'; value: string }[];
  /** SPKI, DER. */
  publicKey: Uint8Array;
  now: Date;
  years: number;
};

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const yearMs = 365.25 * 24 * 3600 * 1000;
/** Those who compare may have clocks that are a little behind. */
const earlierMs = 60_000;
const usages = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };

export function makeKeys(): { key: string; publicKey: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), publicKey: publicKey.export({ type: 'spki', format: 'der' }) };
}

export async function makeAuthority({ subject, now, years }: Pick<Wish, 'subject' | 'now' | 'years'>): Promise<Authority> {
  const { key, publicKey } = makeKeys();
  const keys = { privateKey: await privateKeyOf(key), publicKey: await publicKeyOf(publicKey) };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject,
    ...lasting(now, years),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true)],
  });
  return { certificate: certificate.toString('pem'), key };
}

/** As PEM. Throws for what is no public key of the curve P-256. */
export async function issueCertificate(authority: Authority, { subject, use, names = [], publicKey, now, years }: Wish): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: new x509.X509Certificate(authority.certificate).subject,
    ...lasting(now, years),
    publicKey: await publicKeyOf(publicKey),
    signingKey: await privateKeyOf(authority.key),
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(false, undefined, true), new x509.ExtendedKeyUsageExtension([usages[use]]), ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [])],
  });
  return certificate.toString('pem');
}

function lasting(now: Date, years: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - earlierMs), notAfter: new Date(now.getTime() + years * yearMs) };
}

function privateKeyOf(pem: string): Promise<webcrypto.CryptoKey> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  return webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, true, ['sign']);
}

function publicKeyOf(spki: Uint8Array): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('spki', Uint8Array.from(spki), algorithm, true, ['verify']);
}
