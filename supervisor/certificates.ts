/** An authority of the cloud's own and a certificate from it, for `--tls` without a certificate of the operator's. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { issueCertificate, makeAuthority, makeKeys } from '../kit/authority.ts';

type Paths = { certificate: string; key: string; authority: string };

const renewBeforeMs = 30 * 24 * 3600 * 1000;

/** Makes what is missing or near its end; the authority stays, so that clients that trust it go on doing so. */
export async function ensureCertificates(paths: Paths, account: { uid: number; gid: number } | null): Promise<void> {
  mkdirSync(dirname(paths.certificate), { recursive: true, mode: 0o755 });
  const authorityKey = join(dirname(paths.authority), 'authority.key');
  const now = new Date();
  // Who trusts several of ours must be able to tell them apart.
  if (!existsSync(paths.authority)) await keepNewAuthority({ certificate: paths.authority, key: authorityKey }, `CN=Intercloud authority ${randomBytes(4).toString('hex')}`, now);
  if (existsSync(paths.certificate) && new X509Certificate(readFileSync(paths.certificate)).validToDate.getTime() > now.getTime() + renewBeforeMs) return;

  const { key, publicKey } = makeKeys();
  const names = [...['localhost', hostname()].map((value) => ({ type: 'dns' as const, value })), ...ownAddresses().map((value) => ({ type: 'ip' as const, value }))];
  const authority = { certificate: readFileSync(paths.authority, 'utf8'), key: readFileSync(authorityKey, 'utf8') };
  const certificate = await issueCertificate(authority, { subject: 'CN=intercloud', use: 'server', names, publicKey, now, years: 1 });
  writeFileSync(paths.certificate, certificate);
  writeFileSync(paths.key, key, { mode: 0o600 });
  if (account) chownSync(paths.key, account.uid, account.gid);
}

export async function keepNewAuthority(paths: { certificate: string; key: string }, subject: string, now: Date): Promise<void> {
  const authority = await makeAuthority({ subject, now, years: 10 });
  writeFileSync(paths.key, authority.key, { mode: 0o600 });
  writeFileSync(paths.certificate, authority.certificate);
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).filter(({ address }) => !address.startsWith('fe80')).map(({ address }) => address));
}
