/** Shows steps as they happen: over one another on a terminal, a line each elsewhere. */
import type { Writable } from 'node:stream';
import type { StepReport } from '../supervisor/steps.ts';

export function showStep(where: 'terminal' | 'plain', out: Writable): (report: StepReport) => void {
  let transient = false;
  const clear = () => {
    if (transient) out.write('\r\u001B[2K');
    transient = false;
  };
  const line = (text: string) => {
    clear();
    out.write(`${text}\n`);
  };
  const passing = (text: string) => {
    if (where === 'plain') return;
    clear();
    out.write(text.slice(0, 110));
    transient = true;
  };
  return (report) => {
    if (report.kind === 'ready') return line(`  ready in ${seconds(report.ms)}`);
    if (report.kind === 'failed') return clear();
    switch (report.state) {
      case 'started':
        return passing(`… ${report.title}`);
      case 'doing':
        return where === 'plain' ? line(`  … ${report.detail}`) : passing(`… ${report.title}: ${report.detail}`);
      case 'done':
        return line(`✔ ${report.title}${report.detail === undefined ? '' : `: ${report.detail}`}  ${seconds(report.ms)}`);
      case 'failed':
        return line(`✘ ${report.title}  ${seconds(report.ms)}\n  ${report.detail}`);
      default:
        return report satisfies never;
    }
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
