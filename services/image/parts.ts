/** What the image service is handed: the region's parts, with the blob store as it may write to it. */
import type { RegionParts } from '../parts.ts';
import type { ImageBlobs } from './blobs.ts';

export type ImageParts = Omit<RegionParts, 'blobs'> & { blobs: ImageBlobs };
