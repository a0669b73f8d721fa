/** What a state folder must be before anything is done in it. */
import { statSync } from 'node:fs';
import { layoutOf, type DriverName } from '../supervisor/config.ts';
import { Failure } from './failure.ts';

/**
 * The longest path of a socket below the folder decides. A unix socket's path has 107 bytes (unix(7)): PostgreSQL's lock beside
 * its socket, `run/pg-12345678/.s.PGSQL.5432.lock`; a guest's screen, `agent/compute/vnc/<a server's id>`.
 */
const longestPath: Record<DriverName, number> = { simulated: 107 - 42, openstack: 107 - 42, 'libvirt-ovn': 107 - 55 };

export function demandShortPath(stateDir: string, driver: DriverName): void {
  const length = Buffer.byteLength(stateDir);
  const most = longestPath[driver];
  if (length > most) throw new Failure(`The state folder's path has ${length} bytes, and sockets in it leave room for ${most}: ${stateDir}`, 'Choose a shorter one with --state');
}

/** One cloud, one user: others cannot open what root has made, and what root starts for another that one could not start again. */
export function demandOwner(stateDir: string, { orRoot = false }: { orRoot?: boolean } = {}): void {
  const owner = ownerOf(stateDir);
  const own = process.getuid?.();
  if (owner === undefined || owner === own || (orRoot && own === 0)) return;
  throw new Failure(
    `The cloud of ${stateDir} belongs to ${nameOf(owner)}, and you are ${own === 0 ? 'root' : `user ${own}`}`,
    `${owner === 0 ? 'Use sudo' : 'Run the command as that user'}, or choose another folder with --state`,
  );
}

/** Undefined: there is no cloud. */
function ownerOf(stateDir: string): number | 'hidden' | undefined {
  try {
    return statSync(layoutOf(stateDir).config).uid;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES') return 'hidden';
    throw error;
  }
}

function nameOf(owner: number | 'hidden'): string {
  if (owner === 'hidden') return 'another user';
  return owner === 0 ? 'root' : `another user (${owner})`;
}
