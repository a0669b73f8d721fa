/** What tempest is told of a cloud: where it is, who administers it, and what it has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WholeCloud } from '../system/whole-cloud.ts';

/** Sections of tempest.conf; later settings win. */
export type Settings = Record<string, Record<string, string | number | boolean>>;

export async function tempestConf(cloud: WholeCloud, { folder, settings }: { folder: string; settings: Settings }): Promise<string> {
  const password = readFileSync(join(cloud.stateDir, 'secrets', 'admin-password'), 'utf8').trim();
  const images = await cloud.ask<{ ID: string }[]>(['image', 'list', '--public', '--status', 'active']);
  const flavors = (await cloud.ask<{ ID: string; RAM: number; Disk: number }[]>(['flavor', 'list'])).toSorted((one, other) => one.RAM - other.RAM || one.Disk - other.Disk);
  const networks = await cloud.ask<{ ID: string; Name: string }[]>(['network', 'list', '--external']);
  const extensions = await cloud.ask<{ Alias: string }[]>(['extension', 'list', '--network']);
  const image = { image_ref: images[0]?.ID ?? '', image_ref_alt: (images[1] ?? images[0])?.ID ?? '' };
  return textOf(
    {
      DEFAULT: { log_file: join(folder, 'tempest.log'), use_stderr: false },
      oslo_concurrency: { lock_path: join(folder, 'lock') },
      auth: { use_dynamic_credentials: true, create_isolated_networks: true, tempest_roles: 'member', admin_username: 'admin', admin_password: password, admin_project_name: 'admin', admin_domain_name: 'Default', default_credentials_domain_name: 'Default' },
      identity: { uri_v3: `${cloud.url}/identity/v3`, auth_version: 'v3', region: 'RegionOne', v3_endpoint_type: 'public', default_domain_id: 'default', admin_role: 'admin' },
      service_available: { nova: true, neutron: true, glance: true, cinder: true, swift: true },
      validation: { run_validation: false },
      compute: { ...image, flavor_ref: flavors[0]?.ID ?? '', flavor_ref_alt: (flavors[1] ?? flavors[0])?.ID ?? '', max_microversion: 'latest', build_interval: 1, ready_wait: 0 },
      network: { public_network_id: networks[0]?.ID ?? '', floating_network_name: networks[0]?.Name ?? '', project_network_cidr: '10.100.0.0/16' },
      'network-feature-enabled': { api_extensions: extensions.map(({ Alias }) => Alias).join(',') },
      'image-feature-enabled': { api_v2: true, api_v1: false, import_image: false },
      volume: { catalog_type: 'volumev3', min_microversion: '3.0', max_microversion: 'latest', volume_size: 1, build_interval: 1, vendor_name: 'Intercloud', storage_protocol: 'file' },
      'volume-feature-enabled': { api_v3: true, backup: true, snapshot: true, clone: true, multi_backend: false, manage_volume: true, manage_snapshot: true, volume_revert: true, extend_attached_volume: true },
    },
    settings,
  );
}

function textOf(...layers: Settings[]): string {
  const sections = new Map<string, Settings[string]>();
  for (const layer of layers) for (const [name, values] of Object.entries(layer)) sections.set(name, { ...sections.get(name), ...values });
  return [...sections].map(([name, values]) => `[${name}]\n${Object.entries(values).map(([key, value]) => `${key} = ${String(value)}\n`).join('')}`).join('\n');
}
