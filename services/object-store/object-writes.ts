/** What happens with every writing of an object through Swift's door, wherever the bytes come from. */
import type { AccountContext } from './accounts.ts';
import { getContainer, type Container } from './containers.ts';
import { takeTurn, writeObject, type Content, type Written } from './objects.ts';
import { keepOlder } from './older-versions.ts';
import { demandRoom } from './usage-limits.ts';
import type { Visit } from './visits.ts';

/** Where there is room, and with what was there before kept where that is wished. */
export async function writeAt(context: AccountContext, here: Visit, { container: containerName, object: name }: { container: string; object: string }, content: Content, demand?: (container: Container) => Promise<void>): Promise<Written> {
  const container = await getContainer(context, containerName);
  await takeTurn(context, container, name);
  await demand?.(container);
  await demandRoom(context, container, content.sizeBytes, here);
  await keepOlder(context, here, container, name);
  return writeObject(context, container, name, content);
}
