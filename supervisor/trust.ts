/**
 * Whose certificates a cloud trusts beside everybody's: its own authority, home's, and those that the operator has put into
 * `tls/trusted` (of regions on other machines, of partners).
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, watchFile, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { layoutOf, type CloudConfig } from './config.ts';

/** Them all, as PEM; of a further region those of its cloud. */
export function authoritiesOf(cloud: Pick<CloudConfig, 'stateDir' | 'tls' | 'home'>): string[] {
  const { trusted } = layoutOf(cloud.stateDir);
  const files = [cloud.tls?.authority, cloud.home?.authority, ...globSync(join(trusted, '*.pem')).toSorted()];
  return [...new Set(files.flatMap((file) => (file != null && existsSync(file) ? [readFileSync(file, 'utf8').trim()] : [])))];
}

/** Writes them where Node's NODE_EXTRA_CA_CERTS can point; undefined when there are none. */
export function writeAuthorities(cloud: CloudConfig): string | undefined {
  const { authorities } = layoutOf(cloud.stateDir);
  const known = authoritiesOf(cloud);
  if (known.length === 0) {
    rmSync(authorities, { force: true });
    return undefined;
  }
  mkdirSync(dirname(authorities), { recursive: true, mode: 0o755 });
  writeFileSync(authorities, `${known.join('\n')}\n`, { mode: 0o644 });
  return authorities;
}

const lookEveryMs = 1_000;

/** What is trusted from some moment on, this process trusts too, and is not started again for it: `partner add --ca`. */
export function followAuthorities(stateDir: string): void {
  const { authorities } = layoutOf(stateDir);
  const everybodys = getCACertificates('default');
  watchFile(authorities, { interval: lookEveryMs, persistent: false }, () => {
    const own = existsSync(authorities) ? (readFileSync(authorities, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []) : [];
    setDefaultCACertificates([...everybodys, ...own]);
  });
}

/** One more, from now on. */
export function keepTrusted(stateDir: string, name: string, pem: string): void {
  const { trusted } = layoutOf(stateDir);
  mkdirSync(trusted, { recursive: true, mode: 0o755 });
  writeFileSync(join(trusted, `${name}.pem`), pem, { mode: 0o644 });
}
