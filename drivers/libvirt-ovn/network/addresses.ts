/** Addresses as they may stand in a match or an option: parsed and written anew, so that nothing else gets in. */
import { isIP } from 'node:net';
import { DriverError } from '../../driver.ts';

export type Version = 4 | 6;

export function address(text: string): string {
  if (isIP(text) === 0 || text.includes('%')) throw new DriverError('invalid', `${JSON.stringify(text)} is no IP address`);
  return text;
}

export function versionOf(text: string): Version {
  return text.includes(':') ? 6 : 4;
}

export function mac(text: string): string {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) throw new DriverError('invalid', `${JSON.stringify(text)} is no MAC address`);
  return text.toLowerCase();
}

/** The address and prefix length; an address alone is a network of one. */
export function cidr(text: string, version?: Version): { address: string; prefix: number; version: Version } {
  const [host = '', length, ...rest] = text.split('/');
  const found = isIP(host);
  const bits = found === 6 ? 128 : 32;
  const prefix = length === undefined ? bits : Number(length);
  const wellFormed = found !== 0 && rest.length === 0 && (length === undefined || /^\d{1,3}$/.test(length)) && prefix <= bits;
  if (!wellFormed || host.includes('%') || (version !== undefined && found !== version))
    throw new DriverError('invalid', `${JSON.stringify(text)} is no IPv${version ?? '4 or 6'} network`);
  return { address: host, prefix, version: found as Version };
}

/** 10.0.0.1/24 -> 10.0.0.0/24 */
export function networkOf(text: string): string {
  const { address: host, prefix, version } = cidr(text);
  if (version === 4) return `${writtenV4(masked(parsedV4(host), prefix, 32))}/${prefix}`;
  const groups = masked(parsedV6(host), prefix, 128);
  return `${new URL(`http://[${hextets(groups).map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1)}/${prefix}`;
}

/** 10.0.0.1 -> 1.0.0.10.in-addr.arpa */
export function reverseName(text: string): string {
  if (versionOf(text) === 4) return `${text.split('.').reverse().join('.')}.in-addr.arpa`;
  return `${[...parsedV6(text).toString(16).padStart(32, '0')].reverse().join('.')}.ip6.arpa`;
}

function masked(value: bigint, prefix: number, bits: number): bigint {
  const hostBits = BigInt(bits - prefix);
  return (value >> hostBits) << hostBits;
}

function parsedV4(text: string): bigint {
  return text.split('.').reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function writtenV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function parsedV6(text: string): bigint {
  // A URL's host is written in hexadecimal groups only, whatever notation came in.
  const plain = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const front = head ? head.split(':') : [];
  const back = tail ? tail.split(':') : [];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - front.length - back.length }, () => '0');
  return [...front, ...zeros, ...back].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function hextets(value: bigint): bigint[] {
  return [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => (value >> shift) & 0xffffn);
}
