/** A new image as clients describe it: glance/api/v2/images.py, RequestDeserializer.create. */
import type { Static } from 'typebox';
import type { NewImage as NewImageSchema } from '../../contract/image/image.ts';
import { Fault } from '../../kit/fault.ts';
import type { NewImage } from './images.ts';

type Described = Static<typeof NewImageSchema>;

export function wishOf(body: Described): Omit<NewImage, 'properties'> {
  const { id, name, visibility, protected: isProtected, os_hidden, owner, container_format, disk_format, tags, min_ram, min_disk } = body;
  return { id, name, visibility, protected: isProtected, hidden: os_hidden, owner, containerFormat: container_format, diskFormat: disk_format, tags, minRamMiB: min_ram, minDiskGiB: min_disk };
}

/** `size` and the like are not for writing; what is left is text, or the schema would not have passed it. */
export function propertiesOf(body: Described): Record<string, string | null> {
  const { id: _id, name: _name, visibility: _visibility, protected: _protected, os_hidden: _hidden, owner: _owner, container_format: _container, disk_format: _disk, tags: _tags, min_ram: _ram, min_disk: _minDisk, ...properties } = body as Record<string, string | null>;
  for (const name of ['direct_url', 'self', 'file', 'schema', 'stores']) if (name in properties) throw new Fault(403, 'HTTPForbidden', `Attribute '${name}' is read-only.`);
  return properties;
}
