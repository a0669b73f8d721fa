/** The door of imports. */
import { Readable } from 'node:stream';
import { imports as contract } from '../../contract/image/imports.ts';
import { Fault } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { scopeOf } from '../../kit/http/right.ts';
import type { RegionParts } from '../parts.ts';
import { interrupted, lengthOf } from './image-data.api.ts';
import { importImage, importMethods, sourceOf } from './imports.ts';
import { beginUpload, finishStaged, giveUpUpload, receiveStaged } from './uploads.ts';

export function imports(parts: RegionParts) {
  return implement(contract, {
    async stage(request) {
      const type = String(request.headers['content-type'] ?? '').split(';')[0]!.trim();
      if (type !== 'application/octet-stream' || !(request.body instanceof Readable)) throw new Fault(415, 'HTTPUnsupportedMediaType', 'Content-Type must be application/octet-stream');
      const { body, signal } = request;
      const context = { caller: request.caller, requestId: request.requestId, now: request.now, random: request.random };
      const expectedBytes = lengthOf(request.headers['content-length']);
      const saving = await parts.database.transaction(scopeOf(contract.stage.access, request.caller), (tx) => beginUpload({ ...context, tx }, request.params.image_id, request.random.uuid(), { expectedBytes, status: 'uploading' }));
      try {
        const sizeBytes = await receiveStaged(parts, saving, body, signal);
        await request.commit((tx) => finishStaged({ ...context, tx, now: parts.clock.now() }, saving, sizeBytes));
      } catch (error) {
        const told = error instanceof Fault || !signal.aborted ? error : new Fault(400, 'HTTPBadRequest', interrupted, { cause: error });
        await giveUpUpload(parts, saving, told instanceof Fault ? told.message : interrupted);
        await parts.blobs.discard(saving.upload);
        throw told;
      }
      return undefined as never;
    },

    async import(request) {
      const { caller, requestId, now, random, body: wish } = request;
      const source = await sourceOf(parts, caller, wish.method);
      const wished = { imageId: request.params.image_id, wish, storeHeader: request.headers['x-image-meta-store'], source };
      await request.commit((tx) => importImage({ caller, requestId, now, random, tx }, parts, wished));
      return undefined;
    },

    methods: () => Promise.resolve({ 'import-methods': { description: 'Import methods available.', type: 'array', value: importMethods(parts) } }),
  });
}
