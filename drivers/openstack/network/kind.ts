/** What the kinds of network resources have in common: facts that can be compared, and ways to make them so. */
import type { NetworkResource } from '../../driver.ts';
import type { HandleKind, HandleStore } from '../handles.ts';
import type { Services } from '../partner.ts';
import type { Region } from '../region.ts';
import type { Collection, Facts, Observed, Remote } from './observation.ts';

/** What our things are called there. */
export type Names = {
  get(kind: HandleKind, id: string): string | undefined;
  set(kind: HandleKind, id: string, remoteId: string): void;
};

export async function readNames(handles: HandleStore): Promise<Names> {
  const known = await handles.list('network', 'subnet', 'router', 'router-port', 'security-group', 'port', 'floating-ip');
  const names = new Map(known.flatMap(({ kind, id, remoteId }) => (remoteId === null ? [] : [[`${kind}/${id}`, remoteId] as const])));
  return { get: (kind, id) => names.get(`${kind}/${id}`), set: (kind, id, remoteId) => void names.set(`${kind}/${id}`, remoteId) };
}

export type Place = { region: Region; services: Services; seen: Observed; names: Names };

export type NetworkKind<S extends NetworkResource> = {
  collection: Collection;
  /** What has to be seen besides, to compare it. */
  alsoSeen: readonly Collection[];
  /** Which of our things it needs by name; without them it cannot be made. */
  needs(spec: S): { kind: HandleKind; id: string }[];
  /** As it is wanted, in fields that can be compared with `shown`; `once` can be said only when it is made. */
  wanted(spec: S, names: Names): { once: Facts; changeable: Facts };
  shown(remote: Remote): Facts;
  /** Fields as Neutron takes them. */
  body(spec: S, names: Names, fields: readonly string[]): Facts;
  create(services: Services, body: Facts): Promise<string>;
  update(services: Services, remoteId: string, body: Facts): Promise<void>;
  remove(place: Pick<Place, 'services' | 'seen' | 'region'>, remoteId: string): Promise<void>;
  /** What hangs on it and has no place of its own in the projection. */
  parts?: {
    ensure(place: Place, spec: S, remoteId: string): Promise<void>;
    compare(place: Place, spec: S, remoteId: string): string[];
  };
  /** Fields that can be set only when its parts are there. */
  late?: readonly string[];
};
