/** Every promise: the list that the door serves, the catalog names, the documents publish and the generated tests try. */
import { compute } from './compute/service.ts';
import type { Service } from './contract.ts';
import { identity } from './identity/service.ts';
import { image } from './image/service.ts';
import { admission } from './intercloud/admission.ts';
import { billing } from './intercloud/billing.ts';
import { brand } from './intercloud/brand.ts';
import { broker } from './intercloud/broker.ts';
import { federation } from './intercloud/federation.ts';
import { metering } from './intercloud/metering.ts';
import { region } from './intercloud/region.ts';
import { network } from './network/service.ts';
import { objectStore } from './object-store/service.ts';
import { placement } from './placement/service.ts';
import { s3 } from './s3/service.ts';
import { volume } from './volume/service.ts';

export const contracts: readonly Service[] = [identity, federation, metering, billing, brand, admission, broker, placement, objectStore, s3, image, volume, network, compute, region];
