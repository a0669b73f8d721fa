/** `intercloud openrc`: the environment that every OpenStack client reads. */
import { readConfig } from '../supervisor/config.ts';
import { clientSettings } from './client-files.ts';
import { Failure } from './failure.ts';

export function openrc(stateDir: string): void {
  const config = readConfig(stateDir);
  if (!config) throw new Failure(`There is no cloud in ${stateDir}`, 'Start one: intercloud up');
  if (config.home) throw new Failure(`${stateDir} holds the region ${config.region} of the cloud at ${config.home.url}`, 'Ask there, where home is; clients reach this region with --os-region-name');
  const settings = Object.entries({ ...clientSettings(config), region_name: config.region, identity_api_version: '3', ...(config.tls?.authority ? { cacert: config.tls.authority } : {}) });
  process.stdout.write(settings.map(([name, value]) => `export OS_${name.toUpperCase()}=${quoted(value)}\n`).join(''));
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
