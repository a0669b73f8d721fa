/** Makes this machine able to run the tests: the stock clients, programs that look at networks, and, as root, the engines. */
import { installNewerEngines, installPackages, missingPackages, notInstalled } from '../drivers/libvirt-ovn/engines-install.ts';

/** What tests run besides the product, from the distribution. */
const clients = ['python3-openstackclient', 'python3-swiftclient', 'openssh-client', 'qemu-utils', 'tempest', 's3cmd', 'rclone', 'awscli', 'python3-boto3'];
const probes = ['busybox', 'curl', 'iputils-ping', 'libxml2-utils', 'netcat-openbsd'];

/** Packages, unpacked engines and built images, where `intercloud up` keeps them too. */
const machineCache = '/var/cache/intercloud';

/** Resolves to what the tests are told by the environment. */
export async function prepareMachine(say: (line: string) => void): Promise<Record<string, string>> {
  if (process.getuid?.() !== 0) {
    const missing = await notInstalled(clients);
    if (missing.length > 0) throw new Error(`These packages are needed for the tests: sudo apt-get install ${missing.join(' ')}`);
    return {};
  }
  const more = [...clients, ...probes];
  const missing = await missingPackages(more);
  if (missing.length > 0) {
    say(`Installing ${missing.length} packages of the distribution: ${missing.join(' ')}`);
    await installPackages({ more, onProgress: () => {} });
  }
  await installNewerEngines({ cacheDir: machineCache, onProgress: say });
  return { INTERCLOUD_CACHE: machineCache };
}
