/** Runs all checks and tests, in groups by what they need, and ends with "N passed, N failed". */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
/** tempest's network tests wait ten seconds after each subnet that they delete. */
const sleeps = (path: string) => path === 'test/system/tempest-network.test.ts';

const files = globSync('**/*.test.ts', { exclude: (path) => path === 'node_modules' })
  .filter((path) => chosen.length === 0 || chosen.some((part) => path.includes(part)))
  .sort();

if (chosen.length === 0) {
  step('types', 'tsc', ['--noEmit']);
  step('lint', 'oxlint', ['--type-aware', '--deny-warnings']);
}
// Before all tests, so that none is left out for want of a package.
const environment = files.some((path) => whole(path) || path.startsWith('test/conformance/')) ? await prepared() : {};
// The suite itself sleeps for most of the time: beside the others it costs nothing.
const sleepy = group('sleepy systems', files.filter(sleeps), [], { told: 'atOnce' });
// Without isolation: services and engine have no globals, and this is what enforces it. Two processes, as machines have two cores.
const inOneProcess = files.filter((path) => !whole(path));
const rooms = group('rooms', inOneProcess.filter((path) => !path.startsWith('test/')), ['--test-isolation=none'], { told: 'atOnce' });
await group('house', inOneProcess.filter((path) => path.startsWith('test/')), ['--test-isolation=none']);
await rooms;
await group('systems', files.filter((path) => whole(path) && !sleeps(path)), ['--test-concurrency=1']);
await sleepy;

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

/** `atOnce`: what it says is shown when it has ended, because another group is being shown. */
async function group(name: string, paths: string[], flags: string[], { told = 'live' }: { told?: 'live' | 'atOnce' } = {}): Promise<void> {
  if (paths.length === 0) return;
  const counted = join(scratch, `${name}.json`);
  const words = join(scratch, `${name}.log`);
  const reporters = ['--test-reporter=spec', `--test-reporter-destination=${told === 'live' ? 'stdout' : words}`, `--test-reporter=${join(root, 'test/count.ts')}`, `--test-reporter-destination=${counted}`];
  const child = spawn(process.execPath, ['--test', ...flags, ...reporters, ...paths], { stdio: 'inherit', env: { ...process.env, ...environment } });
  const [status] = (await once(child, 'exit')) as [number | null];
  if (told === 'atOnce') process.stdout.write(textIn(words));
  const counts = countsIn(counted);
  // A runner that died counts as a failure even when every test that it told of passed.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += counts[key];
}

function textIn(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function countsIn(path: string): Counts {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Counts;
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
