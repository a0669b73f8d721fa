/**
 * Who runs what needs no root rights. As root, api and worker are given up to an account that nothing else
 * has (a number; no entry in /etc/passwd is needed), and only the agent keeps root's rights.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** In systemd's range for dynamic users, so that no package claims it. */
export const serviceAccount = { uid: 61_987, gid: 61_987 };

/** `sh -c showCode CODE PLACE COMMAND…`: copies what is code, readable for all, and binds the packages that npm brought. */
const showCode = [
  'set -e; umask 022; mkdir -p "$1"; mount -t tmpfs -o mode=755,size=64m code "$1"; cd "$0"',
  String.raw`find . -mindepth 1 \( -name node_modules -o -name '.*' \) -prune -o -type f \( -name '*.ts' -o -name '*.json' -o -name '*.sql' \) -print0 | tar --create --null --files-from=- --mode=go+rX | tar --extract --directory="$1"`,
  'mkdir "$1/node_modules"; mount --bind node_modules "$1/node_modules"; cd /; shift; exec "$@"',
].join('\n');

/** Where a cloud's account finds code that it cannot reach. */
export function codeFolderFor(cloudId: string): string {
  return `/run/intercloud-${cloudId}`;
}

/** A command that runs `node` as this account; `code` is shown at `visibleAs` when the account cannot reach it. */
export function commandAs(account: { uid: number; gid: number } | null, node: string, flags: readonly string[], code: string, visibleAs: string): { command: [string, ...string[]]; code: string } {
  if (account === null) return { command: [node, ...flags], code };
  const drop = ['setpriv', '--reuid', String(account.uid), '--regid', String(account.gid), '--clear-groups', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all', '--'];
  if (closedFolderAbove(code) === undefined) return { command: [drop[0]!, ...drop.slice(1), node, ...flags], code };
  // A checkout in a closed folder (/root, or cloned with a umask of 077): its code is shown at another place to this process alone.
  const moved = (path: string) => (path.startsWith(`${code}/`) ? visibleAs + path.slice(code.length) : path);
  return { command: ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', showCode, code, visibleAs, ...drop, moved(node), ...flags], code: visibleAs };
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
