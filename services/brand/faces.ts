/** Whose name is shown at which host: read again after some seconds, so that a refusal costs no statement. */
import type { HomeParts } from '../parts.ts';
import { listBrands, type Brand } from './brands.store.ts';

export type Faces = { at(hostName: string): Promise<Brand | undefined> };

const scope = { kind: 'system', reason: 'whose name is shown at which host' } as const;
const keptMs = 5_000;

export function createFaces({ database, clock, log }: Pick<HomeParts, 'database' | 'clock' | 'log'>): Faces {
  let known: { faces: ReadonlyMap<string, Brand>; readAt: number } | undefined;
  const isFresh = () => known !== undefined && Math.abs(clock.now().getTime() - known.readAt) < keptMs;
  return {
    async at(hostName) {
      if (!isFresh()) {
        const readAt = clock.now().getTime();
        try {
          const brands = await database.read(scope, listBrands);
          known = { faces: new Map(brands.flatMap((brand) => brand.hosts.map((host) => [host, brand] as const))), readAt };
        } catch (error) {
          // Who is refused because the database is away is told so all the same.
          log.warn({ err: error }, 'nobody knows whose name is to be shown');
          known = { faces: known?.faces ?? new Map(), readAt };
        }
      }
      return known?.faces.get(hostName);
    },
  };
}

/** Without its port, as it is kept. */
export function hostNameOf({ host }: Readonly<Record<string, string | string[] | undefined>>): string {
  return typeof host === 'string' ? host.toLowerCase().replace(/:\d+$/, '') : '';
}
