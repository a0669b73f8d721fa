/**
 * Who runs what needs no root rights. As root, api and worker are given up to an account that nothing else
 * has (a number; no entry in /etc/passwd is needed), and only the agent keeps root's rights.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** In systemd's range for dynamic users, so that no package claims it. */
export const serviceAccount = { uid: 61_987, gid: 61_987 };

/** A command that runs `node` as this account; `code` is bound to `visibleAs` when the account cannot reach it. */
export function commandAs(account: { uid: number; gid: number } | null, node: string, flags: readonly string[], code: string, visibleAs: string): { command: [string, ...string[]]; code: string } {
  if (account === null) return { command: [node, ...flags], code };
  const drop = ['setpriv', '--reuid', String(account.uid), '--regid', String(account.gid), '--clear-groups', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all', '--'];
  if (closedFolderAbove(code) === undefined) return { command: [drop[0]!, ...drop.slice(1), node, ...flags], code };
  // A checkout below a closed folder (/root): shown at another place to this process alone.
  const script = 'mkdir -p "$1" && mount --bind "$0" "$1" && shift && exec "$@"';
  const moved = (path: string) => (path.startsWith(`${code}/`) ? visibleAs + path.slice(code.length) : path);
  return { command: ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', script, code, visibleAs, ...drop, moved(node), ...flags], code: visibleAs };
}

/** The first folder on the way to this one, or itself, that others may not enter. */
export function closedFolderAbove(path: string): string | undefined {
  const folders: string[] = [];
  for (let here = path; ; here = dirname(here)) {
    folders.unshift(here);
    if (here === dirname(here)) break;
  }
  return folders.find((folder) => (statSync(folder).mode & 0o001) === 0);
}
