/** The documents in git that say what users were promised. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Service } from '../contract/contract.ts';
import { openApiOf } from '../contract/openapi.ts';

export const publishedFolder = fileURLToPath(new URL('../contract/published/', import.meta.url));

export function publishedFile(type: string): string {
  return `${publishedFolder}${type}.json`;
}

/** What was published for this service; undefined when nothing was. */
export function published(type: string): Record<string, unknown> | undefined {
  const file = publishedFile(type);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : undefined;
}

export function textOf(service: Service): string {
  return `${JSON.stringify(openApiOf(service), null, 1)}\n`;
}
