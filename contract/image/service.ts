/** The image service, as Glance shows it. */
import { STATUS_CODES } from 'node:http';
import { service } from '../contract.ts';
import type { FaultFacts, Shaped } from '../contract.ts';
import { cache } from './cache.ts';
import { imageData } from './image-data.ts';
import { images } from './images.ts';
import { imports } from './imports.ts';
import { locations } from './locations.ts';
import { members } from './members.ts';
import { metadefNamespaces } from './metadefs/namespaces.ts';
import { metadefObjects } from './metadefs/objects.ts';
import { metadefProperties } from './metadefs/properties.ts';
import { metadefResourceTypes } from './metadefs/resource-types.ts';
import { metadefTags } from './metadefs/tags.ts';
import { schemas } from './schemas.ts';
import { stores } from './stores.ts';
import { tasks } from './tasks.ts';
import { usage } from './usage.ts';

/** As Glance lists them, with the cache and several stores: glance/api/versions.py */
const minors = ['2.17', '2.16', '2.15', '2.14', '2.13', '2.12', '2.11', '2.10', '2.9', '2.8', '2.7', '2.6', '2.5', '2.4', '2.3', '2.2', '2.1', '2.0'];

const versions = (base: string) => ({
  versions: minors.map((minor, index) => ({ id: `v${minor}`, status: index === 0 ? 'CURRENT' : 'SUPPORTED', links: [{ rel: 'self', href: `${base}/image/v2/` }] })),
});

export const image = service({
  type: 'image',
  name: 'glance',
  title: 'Images',
  root: '/image',
  path: '/image/v2',
  catalogPath: '/image',
  projectInPath: false,
  where: 'region',
  slashAtEnd: 'unknown',
  discovery: [
    { path: '/image', status: 300, document: versions },
    { path: '/image/versions', status: 200, document: versions },
  ],
  shape,
  invalid: ({ field, reason }) => ({ code: 'HTTPBadRequest', message: `Provided object does not match schema 'image': ${field.replaceAll('/', '.') || 'body'}: ${reason}` }),
  nouns: { images, imageData, imports, stores, tasks, locations, cache, members, schemas, usage, metadefNamespaces, metadefObjects, metadefProperties, metadefTags, metadefResourceTypes },
});

/** webob.exc: JSON for who accepts it, HTML for everyone else. */
function shape({ status, message, accept = '' }: FaultFacts): Shaped {
  const title = STATUS_CODES[status] ?? 'Error';
  if (accept.includes('html') || !/json|\*\/\*/.test(accept)) return { contentType: 'text/html; charset=UTF-8', body: page(`${status} ${title}`, message) };
  return { body: { message, code: `${status} ${title}`, title } };
}

function page(title: string, message: string): string {
  return `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n  ${escaped(message)}<br /><br />\n\n\n\n </body>\n</html>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
