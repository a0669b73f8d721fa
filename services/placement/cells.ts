/** To which cells of their host guests are held, and which of its processors are theirs alone: nova/virt/hardware.py, numa_fit_instance_to_host */
import type { HostReport } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { cellClaimsOf, insertCellClaim, lockCells, ownProcessorsOf, reportOf, upsertCells, type CellClaim } from './cells.store.ts';
import type { CellWish, GuestCell } from './scheduler/guest-cells.ts';

export { cellClaimsOf, type CellClaim } from './cells.store.ts';
export { cellsOf, type CellWish } from './scheduler/guest-cells.ts';

type HostCell = { number: number; memoryMiB: number; shared: number[]; own: number[] };
type Layout = Pick<HostReport, 'vcpus' | 'memoryMiB' | 'numaCells' | 'ownVcpus'>;

/** Processors and memory are spread evenly; of each cell's, the last are handed to one guest each. */
export function hostCells({ vcpus, memoryMiB, numaCells = 0, ownVcpus = 0 }: Layout): HostCell[] {
  const [each, owned] = [Math.floor(vcpus / numaCells), Math.floor(ownVcpus / numaCells)];
  return Array.from({ length: numaCells }, (_, number) => {
    const processors = Array.from({ length: each }, (__, index) => number * each + index);
    return { number, memoryMiB: Math.floor(memoryMiB / numaCells), shared: processors.slice(0, each - owned), own: processors.slice(each - owned) };
  });
}

export async function registerCells(tx: Transaction, reports: readonly HostReport[]): Promise<void> {
  const cells = reports.flatMap((report) => hostCells(report).map(({ number, memoryMiB }) => ({ providerId: report.id, number, memoryMiB })));
  if (cells.length > 0) await upsertCells(tx, cells);
}

/** Beside its claim of the host: each of the guest's cells is held to another one of the host's. False: there is no room for that. */
export async function holdToCells(tx: Transaction, { consumerId, providerId }: { consumerId: string; providerId: string }, wish: CellWish): Promise<boolean> {
  const [free, taken, report] = [await lockCells(tx, providerId), new Set(await ownProcessorsOf(tx, providerId)), await reportOf(tx, providerId)];
  const freeIn = new Map(free.map(({ number, freeMiB }) => [number, freeMiB]));
  const hosts = hostCells(report ?? { vcpus: 0, memoryMiB: 0 }).map((cell) => ({ ...cell, memoryMiB: Math.min(freeIn.get(cell.number) ?? 0, cell.memoryMiB), own: cell.own.filter((processor) => !taken.has(processor)) }));
  const chosen = assigned(wish, hosts);
  if (!chosen) return false;
  for (const [guestCell, claim] of chosen.entries()) await insertCellClaim(tx, { consumerId, providerId, guestCell }, claim);
  return true;
}

/** Whether it is held as is wished: what is held to cells is not changed where it is. */
export async function isHeldAs(tx: Transaction, consumerId: string, wish: CellWish | undefined): Promise<boolean> {
  const held = (await cellClaimsOf(tx, consumerId)).map(({ vcpus, memoryMiB, processors }) => ({ vcpus, memoryMiB, own: Object.keys(processors).length > 0 }));
  const wanted = (wish?.cells ?? []).map((cell) => ({ ...cell, own: wish!.own }));
  return JSON.stringify(held) === JSON.stringify(wanted);
}

/** The guest's cells one after the other, each to the first of the host's that are left where the others still fit. */
export function assigned({ cells, own }: CellWish, hosts: readonly HostCell[]): CellClaim[] | undefined {
  const [guest, ...others] = cells;
  if (!guest) return [];
  for (const host of hosts) {
    if (!fits(guest, host, own)) continue;
    const rest = assigned({ cells: others, own }, hosts.filter((each) => each !== host));
    if (rest) return [{ cell: host.number, vcpus: guest.vcpus, memoryMiB: guest.memoryMiB, processors: own ? Object.fromEntries(guest.vcpus.map((vcpu, index) => [vcpu, host.own[index]!])) : {} }, ...rest];
  }
  return undefined;
}

function fits({ vcpus, memoryMiB }: GuestCell, host: HostCell, own: boolean): boolean {
  return memoryMiB <= host.memoryMiB && vcpus.length <= (own ? host.own : host.shared).length;
}
