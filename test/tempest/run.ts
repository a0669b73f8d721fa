/** Tempest, the suite by which OpenStack clouds are judged, against a whole cloud: the distribution's, unchanged. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type WholeCloud } from '../system/whole-cloud.ts';
import { tempestConf, type Settings } from './conf.ts';

export type Judged = {
  passed: string[];
  /** The names of tests, or of classes whose set-up failed, with what tempest said. */
  failed: { name: string; why: string }[];
  skipped: { name: string; why: string }[];
};

/** The tests that are named in a file of this folder, one a line. */
export function testsOf(list: string): string[] {
  return readFileSync(new URL(list, import.meta.url), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** Runs these tests, by their names without what is in brackets. Whoever asks for tests that tempest does not have is told. */
export async function runTempest(cloud: WholeCloud, tests: readonly string[], { settings = {}, workers = 2, timeoutMs = 1_200_000 }: { settings?: Settings; workers?: number; timeoutMs?: number } = {}): Promise<Judged> {
  const folder = mkdtempSync(join(tmpdir(), 'tempest-'));
  try {
    const [workspace, conf] = [join(folder, 'workspace'), join(folder, 'tempest.conf')];
    // Nothing of whoever runs the tests is to be found by tempest, and it leaves nothing with him.
    const env = { PATH: '/usr/bin:/bin', HOME: folder, LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' };
    const tempest = async (args: string[]) => run(['tempest', ...args], { env, timeoutMs });
    mkdirSync(join(folder, 'lock'));
    writeFileSync(conf, await tempestConf(cloud, { folder, settings }));
    const made = await tempest(['init', workspace]);
    if (made.code !== 0) throw new Error(`tempest init: ${made.out}${made.err}`);
    const pattern = `^(${tests.map((name) => name.replaceAll('.', '\\.')).join('|')})(\\[|$)`;
    const { out, err } = await tempest(['run', '--workspace-path', join(folder, '.tempest', 'workspace.yaml'), '--workspace', 'workspace', '--config-file', conf, '--concurrency', String(workers), '--regex', pattern]);
    const judged = read(out);
    const seen = judged.passed.length + judged.failed.length + judged.skipped.length;
    if (seen === 0) throw new Error(`tempest ran nothing:\n${out.slice(-2000)}\n${err.slice(-2000)}`);
    return judged;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One line a test: `{0} name[id-…] [0.1s] ... ok`; what went wrong follows below a rule, as `name` and its traceback. */
function read(out: string): Judged {
  const judged: Judged = { passed: [], failed: [], skipped: [] };
  for (const [, shown = '', verdict = '', reason = ''] of out.matchAll(/^\{\d+\} (.+?)(?:\[[^\]]*\])? \[[\d.]+s\] \.\.\. (ok|FAILED|SKIPPED)(?:: (.*))?$/gm)) {
    const name = shown.trim();
    if (verdict === 'ok') judged.passed.push(name);
    else if (verdict === 'SKIPPED') judged.skipped.push({ name, why: reason });
    else judged.failed.push({ name, why: whyOf(out, name) });
  }
  return judged;
}

function whyOf(out: string, name: string): string {
  const from = out.indexOf('\nCaptured traceback:', out.indexOf(`\n${name}`));
  return from < 0 ? '' : out.slice(from, from + 3000);
}
