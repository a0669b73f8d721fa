/** What a host and the gate of its region say to each other, before and besides what drivers are asked. */

/** How the gate's certificate calls it, wherever it is reached. */
export const gateName = 'gate.intercloud.internal';

/** What the connection becomes over which a host is called. */
export const HOST_PROTOCOL = 'intercloud-host';

/**
 * Which version of `calls.ts` a host, or the gate, speaks. It grows when a call is added, or a field without which a call would
 * mean something else. Each end works with the version before its own and the one after: what the host does not know it
 * refuses as `invalid`, and the region goes without; fields that it does not know it leaves alone.
 */
export const PROTOCOL_VERSION = 1;

/** Says it when a host comes. One that says nothing is older than the versions: 0. */
export const PROTOCOL_HEADER = 'x-intercloud-protocol';

/** What a connection becomes that carries the host's own to the region's southbound database. */
export const SOUTHBOUND_PROTOCOL = 'intercloud-southbound';

export const gatePath = { join: '/join', agent: '/agent', southbound: '/southbound', image: (sha256: string) => `/images/${sha256}`, capture: (upload: string) => `/captures/${upload}` };

/** As long as the authority's own: what a host may do ends with its row, which is looked at every time. */
export const certificateYears = 10;

/** `public_key`: SPKI, DER, in base64. */
export type JoinWish = { host_id: string; secret: string; public_key: string };
export type JoinAnswer = { name: string; region: string; driver: string; certificate: string };

/** What a host keeps of its region; with the key alone it is who it is. */
export type HostIdentity = { hostId: string; key: string; certificate: string; authority: string };
export type GateAddress = { host: string; port: number };
