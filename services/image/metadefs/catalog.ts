/** The namespaces with which a cloud begins: those that OpenStack's clients and dashboards know by name (glance/etc/metadefs). */
import { readFile } from 'node:fs/promises';
import type { Static } from 'typebox';
import { Check } from 'typebox/value';
import { NewNamespace } from '../../../contract/image/metadefs/definitions.ts';
import type { RegionParts } from '../../parts.ts';
import { insertAssociations, insertObjects, insertProperties, insertTags } from './contents.store.ts';
import { insertNamespace } from './namespaces.store.ts';

const beginning = { kind: 'system', reason: 'bootstrap' } as const;

export async function readCatalog(): Promise<Static<typeof NewNamespace>[]> {
  const namespaces: unknown = JSON.parse(await readFile(new URL('./catalog.json', import.meta.url), 'utf8'));
  if (!Array.isArray(namespaces)) throw new Error('The catalog of metadata definitions is no list');
  return namespaces.map((namespace: unknown) => {
    if (!Check(NewNamespace, namespace)) throw new Error(`A namespace of the catalog is wrong: ${JSON.stringify(namespace).slice(0, 80)}`);
    return namespace;
  });
}

/** Everybody sees them, and nobody deletes them by mistake. What is there already stays as it is. */
export async function bootstrapMetadefs({ database, clock }: RegionParts, projectId: string): Promise<void> {
  const catalog = await readCatalog();
  await database.transaction(beginning, async (tx) => {
    const now = clock.now();
    for (const { namespace: name, display_name: displayName, description, resource_type_associations: associations = [], properties = {}, objects = [], tags = [] } of catalog) {
      if (!(await insertNamespace(tx, { name, projectId, displayName: displayName ?? null, description: description ?? null, visibility: 'public', protected: true }, now))) continue;
      await insertAssociations(tx, name, associations, now);
      await insertProperties(tx, name, Object.entries(properties).map(([property, definition]) => ({ name: property, definition })), now);
      await insertObjects(tx, name, objects, now);
      await insertTags(tx, name, tags.map((tag) => tag.name), now);
    }
  });
}
