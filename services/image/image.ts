/** The image service, made. */
import { fileURLToPath } from 'node:url';
import { image as contract } from '../../contract/image/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import { cache } from './cache.api.ts';
import { cacheImage } from './cache.ts';
import { collectBytes } from './collector.ts';
import { imageData } from './image-data.api.ts';
import { images } from './images.api.ts';
import { imageInvariants } from './images.invariants.ts';
import { imports } from './imports.api.ts';
import { discardStaged, importImage } from './imports.workflow.ts';
import { locations } from './locations.api.ts';
import { members } from './members.api.ts';
import { metadefNamespaces, metadefObjects, metadefProperties, metadefResourceTypes, metadefTags } from './metadefs/metadefs.api.ts';
import type { Made, RegionParts } from '../parts.ts';
import { schemas } from './schemas.api.ts';
import { stores } from './stores.api.ts';
import { tasks } from './tasks.api.ts';
import { usage } from './usage.api.ts';

export { fileBlobStore, type ImageBlobs } from './blobs.ts';
export { bootstrapMetadefs } from './metadefs/catalog.ts';
export { bootstrapImage } from './uploads.ts';

export const schemaDirectory = fileURLToPath(new URL('./schema/', import.meta.url));

export function makeImage(parts: RegionParts): Made {
  return {
    implementation: implementService(contract, parts.database, { images: images(parts), imageData: imageData(parts), imports: imports(parts), stores: stores(parts), tasks: tasks(parts), locations: locations(parts), cache: cache(parts), members, schemas, usage, metadefNamespaces, metadefObjects, metadefProperties, metadefTags, metadefResourceTypes }),
    workflows: [importImage, discardStaged, cacheImage],
    schedules: [schedule('image.collect', { everyMs: 60_000, run: () => collectBytes(parts) })],
    invariants: imageInvariants(parts),
  };
}
