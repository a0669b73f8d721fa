/** An import, step by step: the bytes come, are looked into, and go to the stores. glance/async_/flows/api_image_import.py */
import { DriverError } from '../../drivers/driver.ts';
import { Fault } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { step, workflow, type Failure, type Run } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { isKept, touchBlob } from './blobs.store.ts';
import { describeRemote, remoteBytes, tokenOf, type AbroadOrder, type RemoteImage } from './abroad.ts';
import { download, Unreachable, type Download } from './egress.ts';
import { told } from './image-events.ts';
import { chargeUpload } from './image-quotas.ts';
import { addStores, endImport, findImage, finishSaving, lockImage, noteStores, setFormats, setImportProperties, type Image } from './images.store.ts';
import { isForeign } from './intake/foreign-formats.ts';
import { receiveConverted, receiveFile, receiveUnpacked, type AcceptedBytes } from './intake/intake.ts';
import { beginTask, failTask, succeedTask } from './tasks.ts';
import { declaredOf, giveUp, intakeOf, receiveStaged } from './uploads.ts';

export type ImportOrder = {
  taskId: string;
  imageId: string;
  method: 'glance-direct' | 'web-download' | 'copy-image' | 'glance-download' | 'location';
  /** Where they are; of a location in our own stores, the name of its bytes. */
  uri: string | null;
  /** Of the file in the incoming folder. */
  upload: string;
  stores: string[];
  allMustSucceed: boolean;
  /** What the bytes must be. */
  expectedHash: { algorithm: 'md5' | 'sha256' | 'sha512'; value: string } | null;
  /** Of an image of another region. */
  abroad?: AbroadOrder;
};

/** What an image becomes when its bytes are not those that came. */
type Becomes = { containerFormat: string; diskFormat: string };
type State = { remote: RemoteImage; bytes: AcceptedBytes; becomes: Becomes | null; done: string[]; failed: string[] };
type Import = Run<ImportOrder, State, RegionParts>;

const hour = 3600;
const deadlineSeconds = 6 * hour;
const looking = { kind: 'system', reason: 'a workflow acts for the image’s owner' } as const;
/** Bytes are long, and servers elsewhere have bad minutes. */
const patient = { attempts: 4, firstMs: 500, factor: 4, maxMs: 30_000 };

export const importImage = workflow<ImportOrder, State, RegionParts>(
  'image.import',
  [
    step<Import>(
      'fetch its bytes',
      async (run) => {
        const { services, input, signal } = run;
        await demandOurs(run);
        await run.write(async (tx) => void (await beginTask(tx, input.taskId, services.clock.now())));
        if (input.uri === null && input.abroad === undefined) return;
        // What an earlier attempt has left.
        await services.blobs.discard(input.upload);
        if (input.method === 'location') {
          await fromStore(run, input.uri!);
          return;
        }
        const { bytes, sizeBytes } = input.abroad ? await fromAbroad(run, input.abroad) : await download(input.uri!, { filter: services.blobs.settings.downloads, signal });
        const saving = { imageId: input.imageId, upload: input.upload, chargedBytes: 0 };
        if (sizeBytes !== undefined) await run.write(async (tx) => void (await chargeUpload(tx, input.imageId, { upload: input.upload, bytes: sizeBytes, now: services.clock.now() })));
        await lasting(receiveStaged(services, { ...saving, chargedBytes: sizeBytes ?? 0 }, bytes, signal, deadlineSeconds * 1000));
      },
      (run) => (run.input.method === 'copy-image' ? Promise.resolve() : run.services.blobs.discard(run.input.upload)),
      { retry: patient },
    ),
    step<Import>(
      'look into them',
      async (run) => {
        const { services, input } = run;
        const image = await demandOurs(run);
        if (input.method === 'copy-image') {
          // So that the collector does not take away what is being copied.
          await run.write(async (tx) => void (await touchBlob(tx, image.sha256!, services.clock.now())));
          return;
        }
        const [first] = input.stores;
        const order = { upload: input.upload, ...(first === undefined ? {} : { store: first }), signal: run.signal };
        // It is what the other region says that it is, whatever was said here before.
        const { bytes, becomes } = await lasting(takenIn(services, { ...image, ...run.state.remote && formatsOf(run.state.remote) }, order));
        const { expectedHash } = input;
        if (expectedHash !== null && bytes[expectedHash.algorithm] !== expectedHash.value.toLowerCase()) throw new ImportRefused(`The ${expectedHash.algorithm} of the bytes is ${bytes[expectedHash.algorithm]}, and not ${expectedHash.value}`);
        await run.commit(() => Promise.resolve({ bytes, becomes }));
      },
      undefined,
      { retry: patient },
    ),
    step<Import>(
      'bring them to its stores',
      async (run) => {
        const { services, input, state } = run;
        const sha256 = state.bytes?.sha256 ?? (await demandOurs(run)).sha256!;
        const [done, failed]: string[][] = [[], []];
        for (const store of input.stores) {
          try {
            await services.blobs.copy(sha256, store);
            done!.push(store);
          } catch (error) {
            if (input.allMustSucceed) throw new StoreFailed(store, error);
            services.log.warn({ err: error, imageId: input.imageId, store }, 'an image could not be brought to a store');
            failed!.push(store);
          }
          await run.write(async (tx) => void (await noteStores(tx, input.imageId, { task: input.taskId, done: done!, failed: failed! })));
        }
        if (done!.length === 0 && input.method !== 'copy-image') throw new ImportRefused('None of the uploads finished!');
        await run.commit(() => Promise.resolve({ done: done!, failed: failed! }));
      },
      undefined,
      { retry: patient },
    ),
    step<Import>('say that it is ready', async (run) => {
      const { services, input, state } = run;
      await demandOurs(run);
      await run.commit(async (tx) => {
        const now = services.clock.now();
        const context = { tx, now, requestId: run.requestId };
        const stores = state.done ?? input.stores;
        if (input.method === 'copy-image') await addStores(tx, input.imageId, stores);
        else {
          const bytes = state.bytes!;
          await chargeUpload(tx, input.imageId, { upload: input.upload, bytes: bytes.sizeBytes, now });
          await finishSaving(tx, input.imageId, { upload: input.upload, bytes, stores, now });
          const formats = state.becomes ?? (state.remote && formatsOf(state.remote));
          if (formats) await setFormats(tx, input.imageId, formats);
          await setImportProperties(tx, input.imageId, { ...state.remote?.properties, ...services.blobs.settings.import_properties });
        }
        await endImport(tx, input.imageId, input.taskId);
        await succeedTask(tx, input.taskId, { result: { image_id: input.imageId }, now });
        const image = await findImage(tx, input.imageId);
        if (image) await told(context, 'image.import.end', image);
      });
      // Its bytes have another name now; a crash before this leaves the file to the collector.
      await services.blobs.discard(input.upload);
    }),
  ],
  {
    deadlineSeconds,
    onFailed: (tx, run, failure) => failed(tx, run, failure),
    async onSettled(tx, run, outcome) {
      // The image has been deleted.
      if (outcome === 'superseded') await failTask(tx, run.input.taskId, { message: 'The image was deleted.', now: run.services.clock.now() });
    },
  },
);

/** Throws away what has waited for an import, when the image has gone. */
export const discardStaged = workflow<{ upload: string }, object, RegionParts>(
  'image.discard',
  [step<Run<{ upload: string }, object, RegionParts>>('discard its bytes', (run) => run.services.blobs.discard(run.input.upload))],
  { deadlineSeconds: hour },
);

async function failed(tx: Transaction, run: Import, failure: Failure): Promise<void> {
  const { input, services } = run;
  const now = services.clock.now();
  const message = `${failure.name === 'Fault' || reasons.has(failure.name) ? '' : 'Error: '}${failure.message}`.slice(0, 1000);
  await failTask(tx, input.taskId, { message, now });
  if ((await lockImage(tx, input.imageId))?.importTask !== input.taskId) return;
  await noteStores(tx, input.imageId, { task: input.taskId, failed: failure.step === 'bring them to its stores' ? input.stores.filter((store) => !(run.state.done ?? []).includes(store)) : input.stores });
  await endImport(tx, input.imageId, input.taskId);
  if (input.method !== 'copy-image') await giveUp(tx, { id: input.imageId, upload: input.upload }, message, now);
}

/** Errors whose words are for whoever imports. */
const reasons = new Set(['Unreachable', 'ImportRefused', 'StoreFailed']);

class ImportRefused extends Error {
  override name = 'ImportRefused';
  readonly retryable = false;
}

class StoreFailed extends Error {
  override name = 'StoreFailed';
  readonly retryable: boolean;

  constructor(store: string, cause: unknown) {
    super(`The image could not be brought to the store ${store}`, { cause });
    // Bytes that are gone do not come back, and a store that is not there neither.
    this.retryable = !(cause instanceof DriverError);
  }
}

/** The image, as long as it is this import's. */
async function demandOurs({ services, input }: Import): Promise<Image> {
  const image = await services.database.read(looking, (tx) => findImage(tx, input.imageId));
  if (image?.importTask !== input.taskId) throw new ImportRefused('The image is no longer there for this import.');
  return image;
}

function formatsOf({ containerFormat, diskFormat }: RemoteImage): Becomes {
  return { containerFormat, diskFormat };
}

/** As its owner, or whoever else may see it there. */
async function fromAbroad(run: Import, order: AbroadOrder): Promise<Download> {
  const { services, input, signal } = run;
  if (!services.abroad) throw new ImportRefused('Other regions cannot be reached from here.');
  const asking = { order, token: tokenOf(services.abroad, order, input.taskId), filter: services.blobs.settings.downloads, signal };
  const remote = await describeRemote(asking);
  await run.commit(() => Promise.resolve({ remote }));
  return remoteBytes(asking, remote.sizeBytes);
}

/** Another name for bytes that are ours already; they are looked into as any others. */
async function fromStore(run: Import, sha256: string): Promise<void> {
  const { services, input } = run;
  const found = await services.database.read(looking, (tx) => isKept(tx, sha256));
  if (!found) throw new ImportRefused('There are no such bytes in that store.');
  await run.write(async (tx) => void (await touchBlob(tx, sha256, services.clock.now())));
  await services.blobs.unkeep(sha256, input.upload);
}

/** The bytes as they came, or as something that boots. */
async function takenIn(services: RegionParts, image: Image, order: { upload: string; store?: string; signal: AbortSignal }): Promise<{ bytes: AcceptedBytes; becomes: Becomes | null }> {
  const { containerFormat, diskFormat } = image;
  const declared = declaredOf(image);
  const intake = intakeOf(services);
  if (services.blobs.settings.convert_imports) {
    const becomes = { containerFormat: 'bare', diskFormat: isForeign(diskFormat) ? 'qcow2' : (diskFormat ?? 'raw') };
    if (containerFormat === 'ova') return { bytes: await receiveUnpacked(intake, { ...order, inside: diskFormat ?? 'raw' }), becomes };
    if (isForeign(declared)) return { bytes: await receiveConverted(intake, { ...order, declared }), becomes };
  }
  return { bytes: await receiveFile(intake, { ...order, declared }), becomes: null };
}

/** A refusal of the bytes stays one. */
async function lasting<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Fault) throw new ImportRefused(error.message, { cause: error });
    if (error instanceof Error && 'cause' in error && error.cause instanceof Unreachable) throw error.cause;
    throw error;
  }
}
