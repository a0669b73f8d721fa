/** Every promise: the list that the door serves, the catalog names, the documents publish and the generated tests try. */
import { compute } from './compute/service.ts';
import type { Service } from './contract.ts';
import { identity } from './identity/service.ts';
import { image } from './image/service.ts';
import { federation } from './intercloud/federation.ts';
import { network } from './network/service.ts';
import { placement } from './placement/service.ts';
import { volume } from './volume/service.ts';

export const contracts: readonly Service[] = [identity, federation, placement, image, volume, network, compute];
