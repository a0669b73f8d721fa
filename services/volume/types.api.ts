/** The door of volume types. */
import { types as contract } from '../../contract/volume/types.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { readMetadata } from './lists.ts';
import type { Encryption } from './types.store.ts';
import { entryOf, isTrue, micros, typeShown } from './shapes.ts';
import { accessOf, changeEncryption, createEncryption, createType, defaultType, deleteEncryption, deleteSpec, deleteType, encryptionOf, getType, listTypes, noEncryption, setAccess, setSpecs, updateType } from './types.ts';

export const types = implement(contract, {
  async list(request) {
    const { is_public: wanted, name } = request.query;
    const specs = readMetadata(request.query.extra_specs);
    // Without a word, those that the project may use; an administrator asks for all with "none".
    const publicOnly = wanted === undefined || wanted.toLowerCase() === 'none' ? undefined : isTrue(wanted);
    const found = await listTypes(request, { publicOnly });
    return { volume_types: found.filter((type) => (name === undefined || type.name === name) && Object.entries(specs ?? {}).every(([key, value]) => type.extraSpecs[key] === value)).map((type) => typeShown(type, request)) };
  },

  default: async (request) => ({ volume_type: typeShown(await defaultType(request), request) }),
  show: async (request) => ({ volume_type: typeShown(await getType(request, request.params.type_id), request) }),

  async create(request) {
    const { name, description, extra_specs: extraSpecs, 'os-volume-type-access:is_public': isPublic } = request.body.volume_type;
    return { volume_type: typeShown(await createType(request, { name, description: description ?? null, isPublic: isPublic === undefined || isTrue(isPublic), extraSpecs: extraSpecs ?? {} }), request, { qos: false }) };
  },

  async update(request) {
    const { name, description, is_public: isPublic } = request.body.volume_type;
    if (name == null && description == null && isPublic === undefined) throw badRequest('Specify volume type name, description, is_public or a combination thereof.');
    const changed = await updateType(request, request.params.type_id, { name, description, isPublic: isPublic === undefined ? undefined : isTrue(isPublic) });
    const { 'os-volume-type-access:is_public': _access, ...shown } = typeShown(changed, request, { qos: false });
    return { volume_type: shown };
  },

  async delete(request) {
    await deleteType(request, request.params.type_id);
    return undefined;
  },

  specs: async (request) => ({ extra_specs: (await getType(request, request.params.type_id)).extraSpecs }),
  addSpecs: async (request) => ({ extra_specs: await setSpecs(request, request.params.type_id, request.body.extra_specs) }),

  async spec(request) {
    const { type_id: id, key } = request.params;
    const value = (await getType(request, id)).extraSpecs[key];
    if (value === undefined) throw notFound(`Volume Type ${id} has no extra specs with key ${key}.`);
    return { [key]: value };
  },

  setSpec: (request) => setSpecs(request, request.params.type_id, entryOf(request.body, request.params.key)),

  async deleteSpec(request) {
    await deleteSpec(request, request.params.type_id, request.params.key);
    return undefined;
  },

  encryption: async (request) => {
    const id = request.params.type_id;
    const encryption = await encryptionOf(request, id);
    return encryption === null ? {} : encryptionShown(id, encryption);
  },

  async createEncryption(request) {
    const { provider, control_location: controlLocation, cipher, key_size: keySize } = request.body.encryption;
    const { id } = await createEncryption(request, request.params.type_id, { provider, controlLocation, cipher, keySize: keySize == null ? keySize : Number(keySize) });
    // Cinder's database adds these to what it is given.
    return { encryption: { ...(request.body.encryption as EncryptionEcho), ...(keySize == null ? {} : { key_size: Number(keySize) }), volume_type_id: request.params.type_id, encryption_id: id } };
  },

  async encryptionItem(request) {
    const { type_id: id, key } = request.params;
    const encryption = await encryptionOf(request, id);
    const shown: Record<string, unknown> = encryption === null ? {} : encryptionShown(id, encryption);
    if (!Object.hasOwn(shown, key)) throw noEncryption(id);
    return { [key]: shown[key] };
  },

  async updateEncryption(request) {
    const { provider, control_location: controlLocation, cipher, key_size: keySize } = request.body.encryption;
    await changeEncryption(request, request.params.type_id, { provider, controlLocation, cipher, keySize: keySize == null ? keySize : Number(keySize) });
    return { encryption: { ...request.body.encryption, ...(keySize == null ? {} : { key_size: Number(keySize) }) } as EncryptionEcho };
  },

  async deleteEncryption(request) {
    await deleteEncryption(request, request.params.type_id);
    return undefined;
  },

  async access(request) {
    const id = request.params.type_id;
    return { volume_type_access: (await accessOf(request, id)).map((projectId) => ({ volume_type_id: id, project_id: projectId })) };
  },

  async addAccess(request) {
    await setAccess(request, request.params.type_id, request.body.addProjectAccess.project, true);
    return undefined;
  },

  async removeAccess(request) {
    await setAccess(request, request.params.type_id, request.body.removeProjectAccess.project, false);
    return undefined;
  },
});

type EncryptionEcho = { provider?: string; control_location?: Encryption['controlLocation']; cipher?: string | null; key_size?: number | null };

function encryptionShown(typeId: string, { id, provider, controlLocation, cipher, keySize, createdAt, updatedAt }: Encryption) {
  const at = (text: string) => micros(new Date(text));
  return { volume_type_id: typeId, encryption_id: id, provider, control_location: controlLocation, cipher, key_size: keySize, created_at: at(createdAt), updated_at: updatedAt === null ? null : at(updatedAt), deleted_at: null, deleted: false };
}
