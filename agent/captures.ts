/** What root's agent writes for others is given to them: the intake, which has no rights of root's, takes it from there. */
import { chown } from 'node:fs/promises';
import type { BlobStore, CapturedImage, Driver } from '../drivers/driver.ts';

export function givingCaptures(driver: Driver, blobs: BlobStore, owner: { uid: number; gid: number }): Driver {
  const give = async (captured: CapturedImage): Promise<CapturedImage> => {
    await chown(blobs.incomingPath(captured.upload), owner.uid, owner.gid);
    return captured;
  };
  return {
    ...driver,
    servers: { ...driver.servers, capture: async (capture) => give(await driver.servers.capture(capture)) },
    volumes: { ...driver.volumes, capture: async (capture) => give(await driver.volumes.capture(capture)) },
  };
}
