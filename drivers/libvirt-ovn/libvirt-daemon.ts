/** A libvirtd of the cloud's own, which neither sees nor disturbs the host's: its folders are mounted over libvirt's in a mount namespace. */
import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DriverError } from '../driver.ts';
import type { Accelerator } from './accelerator.ts';
import { run } from './command.ts';
import { engineDaemon, type EngineDaemon } from './engine-daemon.ts';
import { type EngineLayout, guestView } from './engine-layout.ts';
import { isThere } from './engine-programs.ts';

/** Guests belong to no daemon: they go on when this one dies, and it finds them again by their files in the run folder. */
export function libvirtDaemon({ layout, cacheDir, accelerator }: { layout: EngineLayout; cacheDir: string; accelerator: () => Promise<Accelerator> }): EngineDaemon {
  const folder = layout.libvirtDirectory;
  const pidFile = join(folder, 'libvirtd.pid');
  const mounts = [
    [join(folder, 'run'), '/run/libvirt'],
    [join(folder, 'lib'), '/var/lib/libvirt'],
    // What emulators can do takes 12 s to find out, is the same for all clouds of the host, and is checked for its age by libvirt.
    [join(cacheDir, 'libvirt'), '/var/cache/libvirt'],
    [join(folder, 'etc'), '/etc/libvirt'],
    [join(folder, 'log'), '/var/log/libvirt'],
    [layout.computeDirectory, guestView],
  ] as const;
  return engineDaemon({
    name: 'libvirtd',
    pidFile,
    async launch() {
      await prepareFolders(layout);
      await mkdir(join(cacheDir, 'libvirt'), { recursive: true });
      for (const [, target] of mounts) if (target !== guestView) await mkdir(target, { recursive: true });
      const noKvm = join(folder, 'no-kvm');
      await rm(noKvm, { force: true });
      await writeFile(noKvm, '', { mode: 0o000 });
      // libvirt asks emulators about KVM as root and looks for it as QEMU's user: when only root has it, it asks anew at every call, for 4 s.
      const hidden = (await accelerator()) === 'tcg' && (await isThere('/dev/kvm')) ? [noKvm, '/dev/kvm'] : [];
      await run('unshare', ['--mount', '--propagation', 'private', '/bin/sh', '-ec', mountAndExecute, 'libvirtd', pidFile, ...mounts.flat(), ...hidden], {
        namespace: layout.networkNamespacePath,
        // The first start asks every emulator what it can do.
        timeoutMs: 60_000,
      });
    },
  });
}

// Arguments: the pid file, then pairs of a folder and where it is mounted.
const mountAndExecute = `
pid_file=$1; shift
while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done
exec libvirtd --daemon --pid-file "$pid_file" --config /etc/libvirt/libvirtd.conf
`;

/** The user and group that QEMU runs as. */
export async function qemuUser(): Promise<{ uid: number; gid: number; name: string; group: string }> {
  const [users, groups] = await Promise.all([readFile('/etc/passwd', 'utf8'), readFile('/etc/group', 'utf8')]);
  const user = users.split('\n').map((line) => line.split(':')).find(([name]) => name === 'libvirt-qemu');
  const gid = Number(user?.[3]);
  const group = groups.split('\n').map((line) => line.split(':')).find((fields) => Number(fields[2]) === gid);
  if (!user?.[2] || !group?.[0]) throw new DriverError('unavailable', 'There is no user libvirt-qemu: is libvirt-daemon-system installed?');
  return { uid: Number(user[2]), gid, name: 'libvirt-qemu', group: group[0] };
}

async function prepareFolders(layout: EngineLayout): Promise<void> {
  const folder = layout.libvirtDirectory;
  await forgetEarlierBoot(folder);
  for (const name of ['run', 'lib/images', 'etc', 'log']) await mkdir(join(folder, name), { recursive: true, mode: 0o755 });
  await mkdir(layout.computeDirectory, { recursive: true, mode: 0o755 });
  // QEMU's user passes through here to its own files and lists nothing.
  await chmod(layout.computeDirectory, 0o711);
  const identity = join(folder, 'host-uuid');
  if (!(await isThere(identity))) await writeFile(identity, randomUUID());
  const user = await qemuUser();
  await writeFile(join(folder, 'etc/libvirtd.conf'), `unix_sock_group = "root"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
unix_sock_admin_perms = "0700"
auth_unix_rw = "none"
auth_unix_ro = "none"
listen_tls = 0
host_uuid = "${(await readFile(identity, 'utf8')).trim()}"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
`);
  // QEMU opens what we own for it (dynamic_ownership would also take the shared images), writes its log itself (no virtlogd), and is confined by
  // its user, its namespaces and seccomp; labels of AppArmor and control groups differ too much from host to host.
  await writeFile(join(folder, 'etc/qemu.conf'), `user = "${user.name}"
group = "${user.group}"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
seccomp_sandbox = 1
`);
  await chown(layout.computeDirectory, 0, user.gid);
}

/** After the host has restarted, notes about processes of its last life would only mislead. */
async function forgetEarlierBoot(folder: string): Promise<void> {
  const now = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const note = join(folder, 'boot-id');
  if ((await isThere(note)) && (await readFile(note, 'utf8')) === now) return;
  await rm(join(folder, 'run'), { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(note, now);
}
