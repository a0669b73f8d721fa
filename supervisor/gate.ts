/** What the gate for hosts shows, and what its hosts' certificates come from. */
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { issueCertificate, makeKeys } from '../kit/authority.ts';
import { keepNewAuthority } from './certificates.ts';
import { layoutOf, type CloudConfig } from './config.ts';

/** As agent/enrolment.ts has it: hosts look for this name, wherever they reach the gate. */
const gateName = 'gate.intercloud.internal';

/** Makes what is missing; the authority's key is for whoever starts the gate, and the gate's own for its account. */
export async function ensureGate({ stateDir, account, driver }: Pick<CloudConfig, 'stateDir' | 'account' | 'driver'>): Promise<string> {
  const { hosts, tls, secrets, hostAuthority, hostAuthorityKey, gateCertificate, gateKey, southboundKey, southboundCertificate } = layoutOf(stateDir);
  const now = new Date();
  mkdirSync(tls, { recursive: true, mode: 0o755 });
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  if (!existsSync(hostAuthority)) await keepNewAuthority({ certificate: hostAuthority, key: hostAuthorityKey }, `CN=Intercloud hosts ${randomBytes(4).toString('hex')}`, now);
  const authority = { certificate: readFileSync(hostAuthority, 'utf8'), key: readFileSync(hostAuthorityKey, 'utf8') };
  mkdirSync(hosts, { recursive: true, mode: 0o700 });
  if (!existsSync(gateKey)) {
    const { key, publicKey } = makeKeys();
    writeFileSync(gateCertificate, await issueCertificate(authority, { subject: 'CN=gate', use: 'server', names: [{ type: 'dns', value: gateName }], publicKey, now, years: 10 }));
    writeFileSync(gateKey, key, { mode: 0o600 });
  }
  // Its key is for the database alone, which has root's rights.
  if (driver === 'libvirt-ovn' && !existsSync(southboundKey)) {
    const { key, publicKey } = makeKeys();
    writeFileSync(southboundCertificate, await issueCertificate(authority, { subject: 'CN=southbound', use: 'server', publicKey, now, years: 10 }));
    writeFileSync(southboundKey, key, { mode: 0o600 });
  }
  if (account) for (const path of [hosts, gateKey]) chownSync(path, account.uid, account.gid);
  return authority.key;
}
