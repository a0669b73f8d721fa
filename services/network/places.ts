/** Where segments are: in tunnels of their own, or on physical networks that may have VLANs. neutron/plugins/ml2/managers.py, drivers/type_tunnel.py, type_vlan.py, type_flat.py. */
import { badRequest, conflict, Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { lastTunnel, lastVlan } from './segment-ranges.ts';
import { insertSegment, isPlaceTaken, isTunnelTaken, type NetworkType, type Segment } from './segments.store.ts';

/** `any`: a number that is free, of a range that there is for it. */
export type Place = { physical_network: string | null; segmentation_id: number | 'any' | null };
export type ShownPlace = { network_type: NetworkType; physical_network: string | null; segmentation_id: number | null };
export type PlaceWish = { 'provider:network_type'?: string | null; 'provider:physical_network'?: string | null; 'provider:segmentation_id'?: number | string | null };
type Places = { segments?: PlaceWish[] } & PlaceWish;

/** OVN's tunnels take 58 bytes of 1500 (Geneve over IPv4): neutron/plugins/ml2/drivers/type_geneve.py. */
const tunnelMtu = 1442;
const physicalMtu = 1500;

export const largestMtu = (places: readonly Pick<Place, 'physical_network'>[]): number => (places.some((place) => place.physical_network === null) ? tunnelMtu : physicalMtu);

/** 0 and nothing ask for the largest. */
export function allowedMtu(given: number | string | undefined, largest: number): number {
  const wanted = Number(given ?? 0);
  if (wanted === 0) return largest;
  if (wanted > largest) throw invalid(`Requested MTU is too big, maximum is ${largest}`);
  return wanted;
}

/** What IP itself asks of a link, once there are subnets on it: neutron/db/db_base_plugin_v2.py, _validate_change_network_mtu. */
export function demandMtuFor(network: { id: string; mtu: number }, versions: readonly (4 | 6)[]): void {
  if (versions.length === 0) return;
  const least = network.mtu < 68 ? 68 : versions.includes(6) ? 1280 : 68;
  if (network.mtu < least) throw conflict(`MTU of ${network.id} is not valid, subnet requires a minimum of ${least}`, 'NetworkMTUSubnetConflict');
}

/** Of a new network: those that are wished for, or a tunnel. */
export async function placesOf(context: Context, wish: Places): Promise<Place[]> {
  const { segments } = wish;
  const alone = [wish['provider:network_type'], wish['provider:physical_network'], wish['provider:segmentation_id']].some((each) => each != null);
  if (alone && segments) throw badRequest('Segments and provider values cannot both be set.', 'SegmentsSetInConjunctionWithProviders');
  if (alone) return [await placeOf(context, wish)];
  if (!segments?.length) return [{ physical_network: null, segmentation_id: 'any' }];
  const places: Place[] = [];
  for (const segment of segments) places.push(await placeOf(context, segment));
  // Of those that take any number, each gets another.
  const named = places.filter(({ segmentation_id: number }) => number !== 'any').map((place) => JSON.stringify(place));
  if (new Set(named).size < named.length) throw badRequest('Duplicate segment entry in request.', 'SegmentsContainDuplicateEntry');
  return places;
}

export async function placeOf({ tx }: Pick<Context, 'tx'>, wish: PlaceWish): Promise<Place> {
  const type = wish['provider:network_type'] ?? null;
  const physical = wish['provider:physical_network'] ?? null;
  const given = wish['provider:segmentation_id'] ?? null;
  const number = given === null ? null : Number(given);
  if (type === null) throw invalid('network_type required');
  if (type === 'geneve') {
    if (physical !== null) throw invalid('provider:physical_network specified for geneve network');
    if (number === null) return { physical_network: null, segmentation_id: 'any' };
    if (number < 1 || number > lastTunnel) throw invalid(`segmentation_id out of range (1 through ${lastTunnel})`);
    if (await isTunnelTaken(tx, number)) throw conflict(`Unable to create the network. The tunnel ID ${number} is in use.`, 'TunnelIdInUse');
    return { physical_network: null, segmentation_id: number };
  }
  if (type !== 'flat' && type !== 'vlan') throw invalid(`network_type value '${type}' not supported`);
  if (physical === null) throw invalid(`physical_network required for ${type} provider network`);
  if (type === 'flat' && number !== null) throw invalid('segmentation_id specified for flat provider network');
  if (type === 'vlan' && number === null) return { physical_network: physical, segmentation_id: 'any' };
  if (number !== null && (number < 1 || number > lastVlan)) throw invalid(`segmentation_id out of range (1 through ${lastVlan})`);
  if (await isPlaceTaken(tx, physical, number))
    throw number === null
      ? conflict(`Unable to create the flat network. Physical network ${physical} is in use.`, 'FlatNetworkInUse')
      : conflict(`Unable to create the network. The VLAN ${number} on physical network ${physical} is in use.`, 'VlanIdInUse');
  return { physical_network: physical, segmentation_id: number };
}

/** The number of the VLAN that a network is to have from now on; undefined: as it was. Nothing else of its places can be changed. */
export async function movedTo(context: Context, places: readonly ShownPlace[], wish: Places): Promise<number | undefined> {
  const { 'provider:network_type': type, 'provider:physical_network': physical, 'provider:segmentation_id': number, segments } = wish;
  const [only] = places.length === 1 ? places : [];
  const others = segments !== undefined && (segments.length !== places.length || segments.some((each, place) => !isSame(each, places[place]!)));
  if ((type != null && type !== only?.network_type) || (physical != null && physical !== only?.physical_network) || others)
    throw invalid(`Plugin does not support updating the following provider network attributes: ${others ? 'segments' : 'provider:network_type, provider:physical_network'}`);
  if (!number) return undefined;
  if (!only) throw invalid('Provider network attributes can be updated only in provider networks with a single segment');
  if (only.network_type !== 'vlan') throw invalid('Only VLAN type networks can be updated');
  const place = await placeOf(context, { 'provider:network_type': 'vlan', 'provider:physical_network': only.physical_network, 'provider:segmentation_id': number });
  return Number(place.segmentation_id);
}

/** A segment there, after those that the network has. */
export async function takePlace({ tx, now, random }: Context, network: { id: string; project_id: string }, place: Place, { name = null, description = null }: { name?: string | null; description?: string | null } = {}): Promise<Segment> {
  const segment = await insertSegment(tx, { id: random.uuid(), network_id: network.id, project_id: network.project_id, name, description, ...place }, now);
  if (place.segmentation_id === 'any' && segment.segmentation_id === null) throw new Fault(503, 'NoNetworkAvailable', 'Unable to create the network. No tenant network is available for allocation.');
  return segment;
}

const isSame = (wish: PlaceWish, place: ShownPlace): boolean =>
  wish['provider:network_type'] === place.network_type && (wish['provider:physical_network'] ?? null) === place.physical_network && Number(wish['provider:segmentation_id'] ?? 0) === (place.segmentation_id ?? 0);

const invalid = (reason: string) => badRequest(`Invalid input for operation: ${reason}.`, 'InvalidInput');
