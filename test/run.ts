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
const failures: string[] = [];
const took: { name: string; seconds: number }[] = [];
const filesInProcess = 20;
/** A test that hangs fails by its name. */
const longestMs = 1_800_000;
const scratch = mkdtempSync(join(tmpdir(), 'intercloud-run-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Tests that need a machine: whole clouds with processes of their own, and of these with real engines, one after another, since engines share the host. */
const whole = (path: string) => path.startsWith('test/system/') || engines(path);
const engines = (path: string) => path.startsWith('drivers/libvirt-ovn/') || path.endsWith('-real.test.ts');
/** tempest asks once a second whether a thing is ready, and waits ten seconds after each subnet that it deletes. */
const sleeps = (path: string) => path.startsWith('test/system/tempest-');

const files = globSync('**/*.test.ts', { exclude: (path) => path === 'node_modules' })
  .filter((path) => chosen.length === 0 || chosen.some((part) => path.includes(part)))
  .sort();

if (chosen.length === 0) {
  step('types', 'tsc', ['--noEmit']);
  step('lint', 'oxlint', ['--type-aware', '--deny-warnings']);
}
// Before all tests, so that none is left out for want of a package.
const environment = files.some((path) => whole(path) || path.startsWith('test/conformance/')) ? await prepared() : {};
// They sleep for most of the time: one after another they cost the others little.
const sleepy = group('tempest', files.filter(sleeps), ['--test-concurrency=1'], { told: 'atOnce' });
// They wait for most of the time, for guests and processes to start and for others to notice that they have died: so they begin with the rest.
const waiting = files.filter((path) => whole(path) && !sleeps(path)).toSorted((one, other) => Number(engines(other)) - Number(engines(one)));
const systems = oneByOne(() => true);
// Without isolation: services and engine have no globals, and this is what enforces it. Two processes at a time, as machines have two cores.
const inOneProcess = files.filter((path) => !whole(path));
const rooms = inTurn('rooms', inOneProcess.filter((path) => !path.startsWith('test/')), { told: 'atOnce' });
await inTurn('house', inOneProcess.filter((path) => path.startsWith('test/')), { told: 'live' });
await rooms;
// What else there is then has the other core.
await oneByOne((path) => !engines(path));
await systems;
await sleepy;

process.stdout.write(`\nWhat took longest: ${took.toSorted((one, other) => other.seconds - one.seconds).slice(0, 12).map(({ name, seconds }) => `${name} ${seconds.toFixed(0)} s`).join(', ')}; all of it ${(performance.now() / 1000).toFixed(0)} s\n`);
process.stdout.write(failures.join(''));
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

/** A few files a process: node:test keeps all that the hooks of ended tests hold, so whole clouds, until its process ends. */
async function inTurn(name: string, paths: readonly string[], how: { told: 'live' | 'atOnce' }): Promise<void> {
  for (let begin = 0; begin < paths.length; begin += filesInProcess) await group(`${name}-${begin}`, paths.slice(begin, begin + filesInProcess), ['--test-isolation=none'], how);
}

/** Whole clouds, until none of that kind is left. */
async function oneByOne(suits: (path: string) => boolean): Promise<void> {
  for (;;) {
    const next = waiting.findIndex(suits);
    if (next === -1) return;
    const [path] = waiting.splice(next, 1);
    await group(path!.replaceAll('/', '-'), [path!], [], { told: 'atOnce' });
  }
}

/** `atOnce`: what it says is shown when it has ended, because another group is being shown. */
async function group(name: string, paths: string[], flags: string[], { told = 'live' }: { told?: 'live' | 'atOnce' } = {}): Promise<void> {
  if (paths.length === 0) return;
  const counted = join(scratch, `${name}.json`);
  const words = join(scratch, `${name}.log`);
  const begun = performance.now();
  const reporters = [['spec', words], [join(root, 'test/count.ts'), counted], ...(told === 'live' ? [['spec', 'stdout']] : [])].flatMap(([reporter, to]) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${to}`]);
  const child = spawn(process.execPath, ['--test', `--test-timeout=${longestMs}`, ...flags, ...reporters, ...paths], { stdio: 'inherit', env: { ...process.env, ...environment } });
  const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
  took.push({ name, seconds: (performance.now() - begun) / 1000 });
  const text = textIn(words);
  if (told === 'atOnce') process.stdout.write(text);
  // Once more at the end, where they are looked for.
  const failed = text.indexOf('✖ failing tests:');
  if (failed !== -1) failures.push(text.slice(failed));
  const counts = countsIn(counted);
  // A runner that died counts as a failure even when every test that it told of passed.
  if (status !== 0 && counts.failed === 0) {
    counts.failed = 1;
    failures.push(`✖ ${name} ended with ${status ?? signal}, and not all of its tests were counted: ${paths.join(' ')}\n`);
  }
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
