/** Names of ports and networks: neutron_lib/api/validators/dns.py and neutron/plugins/ml2/extensions/dns_integration.py. */
import { badRequest } from '../../kit/fault.ts';
import type { FixedIp } from './ports.store.ts';

/** Under which ports are found that say only their first label. What ends in `internal` is nobody's (ICANN, 2024). */
export const cloudDomain = 'cloud.internal.';

export type DnsAssignment = { ip_address: string; hostname: string; fqdn: string };

/** What the network's DNS answers, and what a port without a name is called. */
export function assignmentsOf({ dns_name, fixed_ips }: { dns_name: string; fixed_ips: readonly FixedIp[] }): DnsAssignment[] {
  return fixed_ips.map(({ ip_address }) => {
    const hostname = dns_name === '' ? `host-${ip_address.replaceAll(/[.:]/g, '-')}` : dns_name;
    return { ip_address, hostname, fqdn: hostname.endsWith('.') ? hostname : `${hostname}.${cloudDomain}` };
  });
}

export function portName(given: string): string {
  const name = given.toLowerCase();
  demandWellFormed('dns_name', name);
  if (name !== '' && !name.endsWith('.') && name.length + cloudDomain.length + 1 > longest) throw refused('dns_name', `'${given}' with the domain ${cloudDomain} is longer than ${longest} characters`);
  if (name.endsWith('.') && (name.length <= cloudDomain.length + 1 || !name.endsWith(`.${cloudDomain}`)))
    throw refused('dns_name', `The dns_name passed is a FQDN. Its higher level labels must be equal to the dns_domain option in neutron.conf, that has been set to '${cloudDomain}'. It must also include one or more valid DNS labels to the left of '${cloudDomain}'`);
  return name;
}

export function domainName(given: string): string {
  const name = given.toLowerCase();
  if (name === '') return name;
  if (!name.endsWith('.')) throw refused('dns_domain', `'${given}' is not a FQDN`);
  demandWellFormed('dns_domain', name);
  if (name.length > longest - 2) throw refused('dns_domain', `'${given}' contains ${name.length} characters. Adding a sub-domain will cause it to exceed the maximum length of a FQDN of '${longest}'`);
  return name;
}

const longest = 255;

function demandWellFormed(field: string, name: string): void {
  if (name === '') return;
  const because = (reason: string) => refused(field, `'${name}' not a valid PQDN or FQDN. Reason: ${reason}`);
  const trimmed = name.replace(/\.$/, '');
  if (trimmed.length > longest) throw because(`'${trimmed}' exceeds the ${longest} character FQDN limit`);
  const labels = trimmed.split('.');
  for (const label of labels) {
    if (label === '') throw because('Encountered an empty component');
    if (label.startsWith('-') || label.endsWith('-')) throw because(`Name '${label}' must not start or end with a hyphen`);
    if (!/^[a-z0-9-]{1,63}$/.test(label)) throw because(`Name '${label}' must be 1-63 characters long, each of which can only be alphanumeric or a hyphen`);
  }
  if (labels.length > 1 && /^\d+$/.test(labels.at(-1)!)) throw because(`TLD '${labels.at(-1)}' must not be all numeric`);
}

const refused = (field: string, reason: string) => badRequest(`Invalid input for ${field}. Reason: ${reason}.`, 'HTTPBadRequest');
