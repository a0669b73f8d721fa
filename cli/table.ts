/** Tables for eyes, drawn as the OpenStack clients draw theirs. */
import Table from 'cli-table3';

const ascii = { top: '-', 'top-mid': '+', 'top-left': '+', 'top-right': '+', bottom: '-', 'bottom-mid': '+', 'bottom-left': '+', 'bottom-right': '+', left: '|', 'left-mid': '+', mid: '', 'mid-mid': '', right: '|', 'right-mid': '+', middle: '|' };

export function table(head: string[], rows: string[][]): string {
  const drawn = new Table({ head, style: { head: [], border: [] }, chars: { ...ascii, mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' } });
  drawn.push(...rows);
  const lines = drawn.toString().split('\n');
  // One line below the head; none between the rows.
  return [...lines.slice(0, 2), lines[0], ...lines.slice(2)].join('\n');
}
