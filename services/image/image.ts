/** The image service, made. */
import { fileURLToPath } from 'node:url';
import { image as contract } from '../../contract/image/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import { collectBytes } from './collector.ts';
import { imageData } from './image-data.api.ts';
import { images } from './images.api.ts';
import { imageInvariants } from './images.invariants.ts';
import { members } from './members.api.ts';
import type { Made, RegionParts } from '../parts.ts';
import { schemas } from './schemas.api.ts';
import { usage } from './usage.api.ts';

export { fileBlobStore, type ImageBlobs } from './blobs.ts';
export { bootstrapImage } from './uploads.ts';

export const schemaDirectory = fileURLToPath(new URL('./schema/', import.meta.url));

export function makeImage(parts: RegionParts): Made {
  return {
    implementation: implementService(contract, parts.database, { images, imageData: imageData(parts), members, schemas, usage }),
    workflows: [],
    schedules: [schedule('image.collect', { everyMs: 60_000, run: () => collectBytes(parts) })],
    invariants: imageInvariants(parts),
  };
}
