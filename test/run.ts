/** Runs all checks and tests, in groups by what they need, and ends with "N passed, N failed". */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareMachine } from './machine.ts';

type Counts = { passed: number; failed: number; skipped: number };

const root = fileURLToPath(new URL('../', import.meta.url));
process.chdir(root);
const chosen = process.argv.slice(2);
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const scratch = mkdtempSync(join(tmpdir(), 'intercloud-run-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Tests that need a machine: real engines, whole clouds with processes of their own. One after another. */
const whole = (path: string) => path.startsWith('test/system/') || path.startsWith('drivers/libvirt-ovn/');

const files = globSync('**/*.test.ts', { exclude: (path) => path === 'node_modules' })
  .filter((path) => chosen.length === 0 || chosen.some((part) => path.includes(part)))
  .sort();

if (chosen.length === 0) {
  step('types', 'tsc', ['--noEmit']);
  step('lint', 'oxlint', ['--type-aware', '--deny-warnings']);
}
// Before all tests, so that none is left out for want of a package.
const environment = files.some((path) => whole(path) || path.startsWith('test/conformance/')) ? await prepared() : {};
// Without isolation: services and engine have no globals, and this is what enforces it.
group('rules', files.filter((path) => !whole(path)), ['--test-isolation=none']);
group('systems', files.filter(whole), ['--test-concurrency=1']);

process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}\n`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function step(name: string, command: string, args: string[]): void {
  const begun = performance.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  process.stdout.write(`${status === 0 ? '✔' : '✘'} ${name}  ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
  total[status === 0 ? 'passed' : 'failed'] += 1;
}

/** A machine that cannot be prepared is one failure; what can run without runs. */
async function prepared(): Promise<Record<string, string>> {
  try {
    return await prepareMachine((line) => process.stdout.write(`${line}\n`));
  } catch (error) {
    process.stdout.write(`✘ packages  ${error instanceof Error ? error.message : String(error)}\n`);
    total.failed += 1;
    return {};
  }
}

function group(name: string, paths: string[], flags: string[]): void {
  if (paths.length === 0) return;
  const counted = join(scratch, `${name}.json`);
  const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout', `--test-reporter=${join(root, 'test/count.ts')}`, `--test-reporter-destination=${counted}`];
  const { status } = spawnSync(process.execPath, ['--test', ...flags, ...reporters, ...paths], { stdio: 'inherit', env: { ...process.env, ...environment } });
  const counts = countsIn(counted);
  // A runner that died counts as a failure even when every test that it told of passed.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += counts[key];
}

function countsIn(path: string): Counts {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Counts;
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
