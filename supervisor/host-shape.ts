/** What each simulated host is made of, as an operator writes it. */
export type SimulatedHost = { vcpus: number; memoryMiB: number; diskGiB: number; /** Cells of processors with their own memory. */ numaCells?: number; /** Of its vcpus, those for one guest each. */ ownVcpus?: number; devices?: Readonly<Record<string, number>> };

export const usualHost: SimulatedHost = { vcpus: 64, memoryMiB: 256 * 1024, diskGiB: 4_096 };
export const shapeForm = 'vcpus=64,memory=262144,disk=4096,cells=2,own=16,device.gpu=2';

const names: Readonly<Record<string, Exclude<keyof SimulatedHost, 'devices'>>> = { vcpus: 'vcpus', memory: 'memoryMiB', disk: 'diskGiB', cells: 'numaCells', own: 'ownVcpus' };

/** What is not said is as usual; undefined for what is no such shape. */
export function hostShapeOf(text: string): SimulatedHost | undefined {
  const shape = { ...usualHost };
  const devices: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [, name = '', amount = ''] = /^([a-z]+|device\.[a-z0-9_-]+)=(\d{1,9})$/i.exec(part.trim()) ?? [];
    const known = names[name];
    if (known) shape[known] = Number(amount);
    else if (name.startsWith('device.')) devices[name.slice('device.'.length)] = Number(amount);
    else return undefined;
  }
  const { vcpus, memoryMiB, diskGiB, numaCells = 1, ownVcpus = 0 } = shape;
  // Cells are alike, so that all of it has to be divisible among them.
  const isWhole = vcpus > 0 && memoryMiB > 0 && diskGiB > 0 && numaCells > 0 && ownVcpus <= vcpus && vcpus % numaCells === 0 && ownVcpus % numaCells === 0 && (ownVcpus === 0 || shape.numaCells !== undefined);
  return isWhole ? { ...shape, ...(Object.keys(devices).length > 0 ? { devices } : {}) } : undefined;
}
