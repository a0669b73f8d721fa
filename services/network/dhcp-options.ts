/** What a port's guest is told by DHCP beyond what its subnet says: neutron/db/extradhcpopt_db.py, and what OVN can say of it. */
import { badRequest } from '../../kit/fault.ts';
import { parseAddress, parseBlock } from './addresses.ts';

/** `name` is what the engine is told: one option has a name and a number. */
export type DhcpOption = { opt_name: string; opt_value: string; ip_version: 4 | 6; name: string };
export type DhcpOptionWish = { opt_name: string; opt_value: string | null; ip_version?: number | string };

type Kind = 'address' | 'addresses' | 'host' | 'text' | 'domains' | 'routes' | 'flag' | 8 | 16 | 32;

const numbersV4: Record<string, string> = {
  1: 'netmask', 3: 'router', 6: 'dns-server', 7: 'log-server', 9: 'lpr-server', 15: 'domain-name', 16: 'swap-server', 19: 'ip-forward-enable', 21: 'policy-filter', 23: 'default-ttl', 26: 'mtu', 31: 'router-discovery',
  32: 'router-solicitation', 35: 'arp-timeout', 36: 'ethernet-encap', 37: 'tcp-ttl', 38: 'tcp-keepalive', 41: 'nis-server', 42: 'ntp-server', 51: 'lease-time', 54: 'server-id', 58: 'T1', 59: 'T2', 66: 'tftp-server',
  67: 'bootfile-name', 119: 'domain-search', 121: 'classless-static-route', 150: 'tftp-server-address', 210: 'path-prefix', 249: 'ms-classless-static-route', 252: 'wpad', 255: 'server-ip-address',
};
const numbersV6: Record<string, string> = { 23: 'dns-server', 24: 'domain-search', 59: 'bootfile-name' };

/** neutron/common/ovn/constants.py, SUPPORTED_DHCP_OPTS_MAPPING, and what ovn-northd takes as their values. */
const kindsV4: Record<string, Kind> = {
  netmask: 'address', router: 'address', 'dns-server': 'addresses', 'log-server': 'addresses', 'lpr-server': 'addresses', 'swap-server': 'address', 'policy-filter': 'addresses', 'router-solicitation': 'address',
  'nis-server': 'addresses', 'ntp-server': 'addresses', 'server-id': 'address', 'tftp-server': 'host', 'tftp-server-address': 'addresses', 'server-ip-address': 'address', 'classless-static-route': 'routes',
  'ms-classless-static-route': 'routes', 'ip-forward-enable': 'flag', 'router-discovery': 'flag', 'ethernet-encap': 'flag', 'default-ttl': 8, 'tcp-ttl': 8, mtu: 16, 'lease-time': 32, T1: 32, T2: 32, 'arp-timeout': 32,
  'tcp-keepalive': 32, 'domain-name': 'text', 'bootfile-name': 'text', 'bootfile-name-alt': 'text', 'path-prefix': 'text', wpad: 'text', 'domain-search': 'domains',
};
const kindsV6: Record<string, Kind> = { 'dns-server': 'addresses', 'domain-search': 'text', 'bootfile-name': 'text' };

/** Turns DHCP off for one port; what else it says is of no effect. */
const disabled = 'dhcp_disabled';
const mayBeEmpty = ['router', 'classless-static-route'];

/** As the port has them after the wish: one of null takes its like away. */
export function changedOptions(before: readonly DhcpOption[], wishes: readonly DhcpOptionWish[]): DhcpOption[] {
  const after = [...before];
  for (const wish of wishes) {
    const ip_version = Number(wish.ip_version ?? 4) as 4 | 6;
    const at = after.findIndex((each) => each.opt_name === wish.opt_name && each.ip_version === ip_version);
    const kept = wish.opt_value !== null && (wish.opt_value !== '' || mayBeEmpty.includes(wish.opt_name));
    const option = { opt_name: wish.opt_name, opt_value: wish.opt_value ?? '', ip_version, name: nameOf(wish.opt_name, ip_version) };
    if (kept) demandPossible(option);
    if (at >= 0 && wish.opt_value === null) after.splice(at, 1);
    else if (at >= 0 && kept) after[at] = option;
    else if (kept) after.push(option);
  }
  return after;
}

function nameOf(given: string, version: 4 | 6): string {
  return (version === 4 ? numbersV4 : numbersV6)[given] ?? given;
}

function demandPossible(option: DhcpOption): void {
  const { name } = option;
  if (name === disabled) return;
  const kinds = option.ip_version === 4 ? kindsV4 : kindsV6;
  // Neutron with OVN takes any name, and says nothing of it to the guest.
  if (!Object.hasOwn(kinds, name)) throw refused(`the DHCP option ${option.opt_name} of IPv${option.ip_version} cannot be given to a port here`);
  if (!isPossible(kinds[name]!, option)) throw refused(`${option.opt_value} is no value of ${option.opt_name}`);
}

function isPossible(kind: Kind, { opt_value: value }: DhcpOption): boolean {
  // Of either version, as clients send it without saying which: what is of the other is kept, and not told to the guest.
  const isAddress = (text: string) => parseAddress(text.trim()) !== undefined;
  const listed = value.replace(/^\{(.*)\}$/, '$1').split(',');
  switch (kind) {
    case 'address': return value === '' || isAddress(value);
    case 'addresses': return listed.every(isAddress);
    case 'host': return isAddress(value) || isText(value);
    case 'text': return isText(value.replace(/^"(.*)"$/, '$1'));
    case 'domains': return value.replace(/^"(.*)"$/, '$1').split(',').every((each) => /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(each.trim()));
    case 'routes': return value === '' || (listed.length % 2 === 0 && listed.every((each, place) => (place % 2 === 0 ? parseBlock(each.trim())?.version === 4 : isAddress(each))));
    case 'flag': return /^(0|1|true|false)$/.test(value);
    default: return /^\d{1,10}$/.test(value) && Number(value) < 2 ** kind;
  }
}

const isText = (text: string) => /^[\x20-\x7e]{1,255}$/.test(text) && !/["\\{}]/.test(text);

const refused = (reason: string) => badRequest(`Invalid input for extra_dhcp_opts. Reason: ${reason}.`, 'HTTPBadRequest');
