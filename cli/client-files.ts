/** Where OpenStack's clients look for clouds: written there, unless something of the user's is there already. */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { baseUrl, layoutOf, type CloudConfig } from '../supervisor/config.ts';
import { authoritiesOf } from '../supervisor/trust.ts';

export type ClientFiles = { cloud: string; path: string; written: boolean; reason: string };

const cloud = 'intercloud';
const mark = '# Written by `intercloud up`';

/** `regions`: all of the cloud, the first one before the others; without, those that were written before. */
export function writeClientFiles(config: CloudConfig, regions?: readonly string[]): ClientFiles {
  const { cloudsYaml } = layoutOf(config.stateDir);
  const text = cloudsYamlOf(config, regions ?? regionsIn(textOf(cloudsYaml) ?? ''));
  writeFileSync(cloudsYaml, text, { mode: 0o600 });
  const usual = usualPath();
  const there = textOf(usual);
  if (there !== undefined && !isOurs(there, config)) return { cloud, path: cloudsYaml, written: false, reason: `${usual} is not ours and stays as it is` };
  mkdirSync(dirname(usual), { recursive: true, mode: 0o700 });
  writeFileSync(usual, text, { mode: 0o600 });
  return { cloud, path: usual, written: true, reason: '' };
}

/** A cloud that is no more is not offered to clients any longer. */
export function removeClientFiles(config: CloudConfig): void {
  const usual = usualPath();
  const there = textOf(usual);
  if (there !== undefined && isOurs(there, config)) rmSync(usual);
}

export function clientSettings(config: CloudConfig): Record<string, string> {
  return {
    auth_url: `${baseUrl(config)}/identity`,
    username: 'admin',
    password: readFileSync(layoutOf(config.stateDir).adminPassword, 'utf8').trim(),
    project_name: 'admin',
    user_domain_name: 'Default',
    project_domain_name: 'Default',
  };
}

function cloudsYamlOf(config: CloudConfig, regions: readonly string[]): string {
  // JSON's strings are YAML's double-quoted ones.
  const auth = Object.entries(clientSettings(config)).map(([name, value]) => `      ${name}: ${JSON.stringify(value)}`);
  return [
    `${mark} for ${config.stateDir}`,
    'clouds:',
    `  ${cloud}:`,
    '    auth:',
    ...auth,
    // Where one is named, clients take no other; of a list, the first is the one that they mean without saying so.
    ...(regions.length > 1 ? [`    regions: ${JSON.stringify([...new Set([config.region, ...regions])])}`] : [`    region_name: ${JSON.stringify(config.region)}`]),
    '    identity_api_version: 3',
    ...authorityOf(config).map((file) => `    cacert: ${JSON.stringify(file)}`),
    '',
  ].join('\n');
}

/** Clients trust what one file names, and nobody besides: with authorities of others it has everybody's too. */
function authorityOf(config: CloudConfig): string[] {
  const { tls, trusted } = layoutOf(config.stateDir);
  if (globSync(join(trusted, '*.pem')).length === 0) return config.tls?.authority ? [config.tls.authority] : [];
  const file = join(tls, 'clients.pem');
  writeFileSync(file, `${[...authoritiesOf(config), ...(config.tls?.authority ? [] : getCACertificates('default'))].join('\n')}\n`, { mode: 0o644 });
  return [file];
}

function regionsIn(text: string): string[] {
  const [, list] = /^ {4}regions: (\[.*\])$/m.exec(text) ?? [];
  return list === undefined ? [] : (JSON.parse(list) as string[]);
}

function usualPath(): string {
  return join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'openstack', 'clouds.yaml');
}

function isOurs(text: string, { stateDir }: CloudConfig): boolean {
  return text.startsWith(`${mark} for ${stateDir}\n`);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
