/** JSON patch as Glance takes it: glance/api/v2/images.py, RequestDeserializer. */
import { badRequest, Fault } from '../../kit/fault.ts';

export type ImageChange = { op: 'add' | 'replace' | 'remove'; field: string; value?: unknown };

const mediaTypes: Record<string, (change: Record<string, unknown>) => { op: string; path: unknown }> = {
  'application/openstack-images-v2.1-json-patch': named,
  'application/openstack-images-v2.0-json-patch': keyed,
};

const operations = ['add', 'remove', 'replace'] as const;
const readOnly = new Set(['created_at', 'updated_at', 'status', 'checksum', 'size', 'virtual_size', 'direct_url', 'self', 'file', 'schema', 'id', 'os_hash_algo', 'os_hash_value']);

export function readPatch(contentType: string, body: unknown): ImageChange[] {
  const read = mediaTypes[contentType.split(';')[0]!.trim()];
  if (!read) {
    const allowed = Object.keys(mediaTypes).sort().join(', ');
    throw new Fault(415, 'HTTPUnsupportedMediaType', `Image PATCH expects Content-Type one of: ${allowed}`, { headers: { 'accept-patch': allowed } });
  }
  if (!Array.isArray(body)) throw badRequest('Request body must be a JSON array of operation objects.');
  return body.map((change: unknown) => {
    if (typeof change !== 'object' || change === null || Array.isArray(change)) throw badRequest('Operations must be JSON objects.');
    return readChange(change as Record<string, unknown>, read);
  });
}

function readChange(change: Record<string, unknown>, read: (change: Record<string, unknown>) => { op: string; path: unknown }): ImageChange {
  const { op, path } = read(change);
  if (!isOperation(op)) throw badRequest(`Invalid operation: \`${op}\`. It must be one of the following: ${operations.join(', ')}.`);
  if (typeof path !== 'string') throw badRequest("Unable to find 'path' in JSON Schema change");
  const parts = decodePointer(path);
  if (parts.length !== 1) throw badRequest(`Invalid JSON pointer for this resource: '/${parts.join('/')}'`);
  const field = parts[0]!;
  demandWritable(field);
  if (op === 'remove') return { op, field };
  if (!('value' in change)) throw badRequest(`Operation "${op}" requires a member named "value".`);
  return { op, field, value: change['value'] };
}

/** Fields that nobody writes, and those that are kept for Glance itself. */
export function demandWritable(field: string): void {
  if (readOnly.has(field)) throw new Fault(403, 'HTTPForbidden', `Attribute '${field}' is read-only.`);
  if (['location', 'deleted', 'deleted_at'].includes(field) || field.startsWith('os_glance') || field.startsWith('os_intercloud')) throw new Fault(403, 'HTTPForbidden', `Attribute '${field}' is reserved.`);
  // Nobody names places of bytes here (ATTACKS 9, 10); glance with show_multiple_locations off says this.
  if (field === 'locations' || field === 'stores') throw new Fault(403, 'HTTPForbidden', "It's not allowed to update locations if locations are invisible.");
}

function named(change: Record<string, unknown>): { op: string; path: unknown } {
  if (change['op'] === undefined) throw badRequest(`Unable to find \`op\` in JSON Schema change. It must be one of the following: ${operations.join(', ')}.`);
  return { op: String(change['op']), path: change['path'] };
}

function keyed(change: Record<string, unknown>): { op: string; path: unknown } {
  const keys = operations.filter((operation) => operation in change);
  if (keys.length !== 1) throw badRequest('Operation objects must contain exactly one member named "add", "remove", or "replace".');
  return { op: keys[0]!, path: change[keys[0]!] };
}

function isOperation(op: string): op is ImageChange['op'] {
  return (operations as readonly string[]).includes(op);
}

function decodePointer(pointer: string): string[] {
  if (!pointer.startsWith('/')) throw badRequest(`Pointer \`${pointer}\` does not start with "/".`);
  if (/\/\s*\//.test(pointer.slice(1))) throw badRequest(`Pointer \`${pointer}\` contains adjacent "/".`);
  if (pointer.length > 1 && pointer.endsWith('/')) throw badRequest(`Pointer \`${pointer}\` end with "/".`);
  if (/~(?![01])/.test(pointer)) throw badRequest(`Pointer \`${pointer}\` contains "~" not part of a recognized escape sequence.`);
  return pointer
    .replace(/^\/+/, '')
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~').trim());
}
