import type { GuestMetadata } from '../driver.ts';

/** One time that a machine was started. */
export type Boot = { at: number; until: number | null; uuid: string; hostname: string; keys: number; vcpus: number; memoryMiB: number };

// As much as a console's ring buffer would hold.
const REMEMBERED = 4;

export function started(boots: Boot[], now: number, machine: { metadata: GuestMetadata; vcpus: number; memoryMiB: number }): Boot[] {
  const { metadata, vcpus, memoryMiB } = machine;
  const { uuid, hostname, publicKeys } = metadata;
  const boot = { at: now, until: null, uuid, hostname, keys: Object.keys(publicKeys).length, vcpus, memoryMiB };
  return [...ended(boots, now), boot].slice(-REMEMBERED);
}

export function ended(boots: Boot[], now: number): Boot[] {
  return boots.map((boot) => ({ ...boot, until: boot.until ?? now }));
}

/** What the guest has written by now: made when it is read, so that machines cost nothing while they run. */
export function consoleText(boots: Boot[], now: number, bootMs: number): string {
  return boots.map((boot) => bootText(boot, boot.until ?? now, bootMs)).join('');
}

export function lastLines(text: string, lines: number | undefined): string {
  if (lines === undefined) return text;
  if (lines <= 0) return '';
  const all = text.split('\n');
  const ending = all.at(-1) === '' ? 1 : 0;
  return all.slice(-lines - ending).join('\n');
}

function bootText(boot: Boot, until: number, bootMs: number): string {
  const lines = bootLines(boot);
  const shown = bootMs === 0 ? lines.length : Math.min(lines.length, Math.floor((lines.length * (until - boot.at)) / bootMs));
  const text = lines
    .slice(0, shown)
    .map((line, index) => line.replace('%T', ((index * bootMs) / lines.length / 1000).toFixed(6).padStart(12)))
    .join('\n');
  // The guest waits behind its prompt; when it has gone, what came next began on a new line.
  return shown < lines.length || boot.until !== null ? text && `${text}\n` : text;
}

function bootLines({ uuid, hostname, keys, vcpus, memoryMiB }: Boot): string[] {
  return [
    '[%T] Linux version 6.12.0-simulated (intercloud) #1 SMP',
    '[%T] Command line: root=LABEL=root ro console=ttyS0',
    `[%T] Memory: ${memoryMiB * 1024}K available`,
    `[%T] smp: Brought up 1 node, ${vcpus} CPU${vcpus === 1 ? '' : 's'}`,
    '[%T] virtio_blk virtio1: [vda] attached disk',
    '[%T] virtio_net virtio0 eth0: link becomes ready',
    '[%T] EXT4-fs (vda1): mounted filesystem with ordered data mode',
    '[%T] systemd[1]: Detected virtualization simulated.',
    `[%T] systemd[1]: Hostname set to <${hostname}>.`,
    'cloud-init: init-local: found the data source',
    `cloud-init: instance-id: ${uuid}`,
    `cloud-init: local-hostname: ${hostname}`,
    `cloud-init: authorized keys: ${keys}`,
    'cloud-init: final: finished',
    '',
    `${hostname} login: `,
  ];
}
