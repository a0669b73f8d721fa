/** Volume types: cinder/volume/volume_types.py. */
import type { DiskEncryption } from '../../drivers/driver.ts';
import { badRequest, conflict, notFound, type Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { deleteAccess, deleteTypeRow, findType, findTypeByNameOrId, insertAccess, insertType, projectsOfType, selectTypes, updateTypeRow, type Encryption, type Viewer, type VolumeType } from './types.store.ts';
import { findDefaultType, isDefaultSomewhere } from './default-types.store.ts';
import { isTypeOfGroup } from './groups.store.ts';
import { tellType } from './volume-events.ts';
import { isTypeUsed } from './volumes.store.ts';

export type { VolumeType } from './types.store.ts';

const defaultName = '__DEFAULT__';

type Looking = Pick<Context, 'tx' | 'caller'>;

export function listTypes(context: Looking, { publicOnly }: { publicOnly?: boolean | undefined } = {}): Promise<VolumeType[]> {
  return selectTypes(context.tx, viewer(context), { publicOnly });
}

export async function getType(context: Looking, id: string): Promise<VolumeType> {
  const type = await findType(context.tx, viewer(context), id);
  if (!type) throw notFound(`Volume type ${id} could not be found.`);
  return type;
}

export function defaultType(context: Looking): Promise<VolumeType> {
  return typeForVolume(context, undefined);
}

/** Of which several servers may have a volume at once. */
export function isShared({ extraSpecs }: VolumeType): boolean {
  return extraSpecs['multiattach'] === '<is> True';
}

/** By id or name; without, the project's default one, or everybody's. */
export async function typeForVolume(context: Looking, nameOrId: string | null | undefined): Promise<VolumeType> {
  const own = nameOrId == null && context.caller.projectId !== null ? await findDefaultType(context.tx, context.caller.projectId) : undefined;
  const wanted = nameOrId ?? own?.typeId ?? defaultName;
  const type = await findTypeByNameOrId(context.tx, viewer(context), wanted);
  if (!type) throw notFound(`Volume type with name ${wanted} could not be found.`);
  return type;
}

/** What an image says its volumes are of, where there is such a type for this caller. cinder/volume/flows/api/create_volume.py */
export async function typeSaid(context: Looking, nameOrId: string | null | undefined): Promise<string | undefined> {
  return nameOrId == null ? undefined : (await findTypeByNameOrId(context.tx, viewer(context), nameOrId))?.id;
}

export async function createType(context: Context, { name, description, isPublic, extraSpecs }: { name: string; description: string | null; isPublic: boolean; extraSpecs: Record<string, string> }): Promise<VolumeType> {
  const made = await insertType(context.tx, { id: context.random.uuid(), name, description, public: isPublic, extraSpecs }, context.now);
  if (!made) throw conflict(`Volume Type ${name} already exists.`);
  await tellType(context, 'volume_type.create', made);
  return made;
}

export async function updateType(context: Context, id: string, { name, description, isPublic }: { name?: string | null | undefined; description?: string | null | undefined; isPublic?: boolean | undefined }): Promise<VolumeType> {
  const type = await getType(context, id);
  if (name === '') throw badRequest('Volume type name can not be empty.');
  const changed = { ...type, name: name ?? type.name, description: description ?? type.description, public: isPublic ?? type.public };
  await updateTypeRow(context.tx, changed);
  // One that becomes private is told as well: to those who no longer see it, it is gone.
  await tellType(context, 'volume_type.update', { ...changed, public: changed.public || type.public });
  return changed;
}

export async function deleteType(context: Context, id: string): Promise<void> {
  const type = await getType(context, id);
  if (type.name === defaultName) throw badRequest(`The volume type ${id} is a default volume type and cannot be deleted.`);
  if (await isDefaultSomewhere(context.tx, id)) throw badRequest(`The volume type ${id} is a default volume type and cannot be deleted.`);
  if ((await isTypeUsed(context.tx, id)) || (await isTypeOfGroup(context.tx, id))) throw badRequest('Target volume type is still in use.');
  await tellType(context, 'volume_type.delete', type);
  await deleteTypeRow(context.tx, id);
}

export async function setSpecs(context: Context, id: string, specs: Record<string, string>): Promise<Record<string, string>> {
  const type = await getType(context, id);
  await updateTypeRow(context.tx, { ...type, extraSpecs: { ...type.extraSpecs, ...specs } });
  await tellType(context, 'volume_type_extra_specs.create', type);
  return specs;
}

export async function deleteSpec(context: Context, id: string, key: string): Promise<void> {
  const type = await getType(context, id);
  if (!Object.hasOwn(type.extraSpecs, key)) throw notFound(`Volume Type ${id} has no extra specs with key ${key}.`);
  await updateTypeRow(context.tx, { ...type, extraSpecs: Object.fromEntries(Object.entries(type.extraSpecs).filter(([name]) => name !== key)) });
  await tellType(context, 'volume_type_extra_specs.delete', type);
}

// How the volumes of a type are encrypted

export async function encryptionOf(context: Context, id: string): Promise<Encryption | null> {
  return (await getType(context, id)).encryption;
}

/** Whoever has a volume may know this of its type, whoever else may use that. */
export async function encryptionOfVolumesType({ tx }: Pick<Context, 'tx'>, typeId: string): Promise<Encryption | null> {
  return (await findType(tx, undefined, typeId))?.encryption ?? null;
}

export type EncryptionWish = { provider?: string | undefined; controlLocation?: Encryption['controlLocation'] | undefined; cipher?: string | null | undefined; keySize?: number | null | undefined };

export async function createEncryption(context: Context, id: string, wish: EncryptionWish & Pick<Encryption, 'provider' | 'controlLocation'>): Promise<Encryption> {
  const type = await getType(context, id);
  if (await isTypeUsed(context.tx, id)) throw badRequest('Cannot create encryption specs. Volume type in use.');
  if (type.encryption !== null) throw badRequest(`Volume type encryption for type ${id} already exists.`);
  const encryption = { id: context.random.uuid(), provider: wish.provider, controlLocation: wish.controlLocation, cipher: wish.cipher ?? null, keySize: wish.keySize ?? null, createdAt: context.now.toISOString(), updatedAt: null };
  await updateTypeRow(context.tx, { ...type, encryption });
  await tellType(context, 'volume_type_encryption.create', type);
  return encryption;
}

export async function changeEncryption(context: Context, id: string, wish: EncryptionWish): Promise<void> {
  const type = await getType(context, id);
  if (await isTypeUsed(context.tx, id)) throw badRequest('Cannot update encryption specs. Volume type in use.');
  if (type.encryption === null) throw noEncryption(id);
  const { provider, controlLocation, cipher, keySize } = type.encryption;
  const changed = { ...type.encryption, provider: wish.provider ?? provider, controlLocation: wish.controlLocation ?? controlLocation, cipher: wish.cipher === undefined ? cipher : wish.cipher, keySize: wish.keySize === undefined ? keySize : wish.keySize };
  await updateTypeRow(context.tx, { ...type, encryption: { ...changed, updatedAt: context.now.toISOString() } });
  await tellType(context, 'volume_type_encryption.update', type);
}

export async function deleteEncryption(context: Context, id: string): Promise<void> {
  const type = await getType(context, id);
  if (await isTypeUsed(context.tx, id)) throw badRequest('Cannot delete encryption specs. Volume type in use.');
  if (type.encryption === null) throw noEncryption(id);
  await updateTypeRow(context.tx, { ...type, encryption: null });
  await tellType(context, 'volume_type_encryption.delete', type);
}

/** How the storage locks volumes of a type; null: not at all. Whose encryptor a provider names is no matter: the storage's own does it, and no server sees how. */
export function diskEncryption({ name, encryption }: VolumeType): DiskEncryption | null {
  if (encryption === null) return null;
  const { provider, cipher, keySize } = encryption;
  if (!/^(luks2?|plain)$|Luks(v2)?Encryptor$|CryptsetupEncryptor$/.test(provider)) throw badRequest(`Invalid input received: Volume type ${name} is to be encrypted by ${provider}, which this cloud does not have.`);
  if (cipher !== null && cipher !== 'aes-xts-plain64') throw badRequest(`Invalid volume type: Invalid encryption spec: Volume type ${name} is to be encrypted by the cipher ${cipher}, and the storage has aes-xts-plain64.`);
  // Half of an XTS key is for the tweak.
  if (keySize !== null && keySize !== 256 && keySize !== 512) throw badRequest(`Invalid volume type: Invalid encryption spec: aes-xts-plain64 has keys of 256 and of 512 bits, and volume type ${name} one of ${keySize}.`);
  return { cipher: keySize === 256 ? 'aes-128-xts' : 'aes-256-xts' };
}

export function noEncryption(id: string): Fault {
  return notFound(`Volume type encryption for type ${id} does not exist.`);
}

// Who may use a private type

export async function accessOf(context: Context, id: string): Promise<string[]> {
  const type = await getType(context, id);
  if (type.public) throw notFound('Access list not available for public volume types.');
  return projectsOfType(context.tx, id);
}

export async function setAccess(context: Context, id: string, projectId: string, allowed: boolean): Promise<void> {
  const type = await getType(context, id);
  if (type.public) throw conflict('Project access cannot be modified for public volume types.');
  // While the project sees it: it is the one to be told.
  if (!allowed) await tellType(context, 'volume_type_project.access.remove', type);
  const changed = await (allowed ? insertAccess : deleteAccess)(context.tx, id, projectId);
  if (changed === 0) throw allowed ? conflict(`Volume type access for ${id} / ${projectId} combination already exists.`) : notFound(`Volume type access not found for ${id} / ${projectId} combination.`);
  if (allowed) await tellType(context, 'volume_type_project.access.add', type);
}

function viewer({ caller }: Pick<Context, 'caller'>): Viewer {
  return caller.isAdmin ? undefined : { projectId: caller.projectId ?? '' };
}
