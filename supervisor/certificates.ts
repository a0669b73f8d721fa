/** An authority of the cloud's own and a certificate from it, for `--tls` without a certificate of the operator's. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import * as x509 from '@peculiar/x509';

type Paths = { certificate: string; key: string; authority: string };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const yearMs = 365.25 * 24 * 3600 * 1000;
const renewBeforeMs = 30 * 24 * 3600 * 1000;

/** Makes what is missing or near its end; the authority stays, so that clients that trust it go on doing so. */
export async function ensureCertificates(paths: Paths, account: { uid: number; gid: number } | null): Promise<void> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  mkdirSync(dirname(paths.certificate), { recursive: true, mode: 0o755 });
  const authorityKey = join(dirname(paths.authority), 'authority.key');
  const now = Date.now();
  if (!existsSync(paths.authority)) await makeAuthority(paths.authority, authorityKey, now);
  if (existsSync(paths.certificate) && new x509.X509Certificate(readFileSync(paths.certificate, 'utf8')).notAfter.getTime() > now + renewBeforeMs) return;

  const issuer = new x509.X509Certificate(readFileSync(paths.authority, 'utf8'));
  const signingKey = await importKey(readFileSync(authorityKey, 'utf8'));
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=intercloud',
    issuer: issuer.subject,
    notBefore: new Date(now - 60_000),
    notAfter: new Date(now + yearMs),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
      new x509.SubjectAlternativeNameExtension([
        ...['localhost', hostname()].map((value) => ({ type: 'dns' as const, value })),
        ...ownAddresses().map((value) => ({ type: 'ip' as const, value })),
      ]),
    ],
  });
  writeFileSync(paths.certificate, certificate.toString('pem'));
  writeFileSync(paths.key, await exportKey(keys.privateKey), { mode: 0o600 });
  if (account) chownSync(paths.key, account.uid, account.gid);
}

async function makeAuthority(path: string, keyPath: string, now: number): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    // Who trusts several of ours must be able to tell them apart.
    name: `CN=Intercloud authority ${randomBytes(4).toString('hex')}`,
    notBefore: new Date(now - 60_000),
    notAfter: new Date(now + 10 * yearMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true)],
  });
  writeFileSync(keyPath, await exportKey(keys.privateKey), { mode: 0o600 });
  writeFileSync(path, authority.toString('pem'));
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, true, ['sign']);
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).filter(({ address }) => !address.startsWith('fe80')).map(({ address }) => address));
}
