/** `intercloud doctor`: asks every service for what must always be true. Exit status 1 when something is not. */
import { readConfig } from '../supervisor/config.ts';
import { runRole } from './role.ts';
import { table } from './table.ts';
import { Failure } from './failure.ts';

type Diagnosis = { id: string; title: string; findings: { message: string; remedy: string }[] };

export async function doctor(stateDir: string, format: string): Promise<void> {
  const config = readConfig(stateDir);
  if (!config) throw new Failure(`There is no cloud in ${stateDir}`, 'Start one: intercloud up');
  const diagnoses = await examine(stateDir);
  for (const { name } of config.regions) diagnoses.push(...(await examine(stateDir, name)));
  const ill = diagnoses.filter(({ findings }) => findings.length > 0);
  if (ill.length > 0) process.exitCode = 1;
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify({ healthy: ill.length === 0, checks: diagnoses }, null, 2)}\n`);
    return;
  }
  const told = diagnoses.map(({ id, title, findings }) => [id, title, findings.length === 0 ? 'well' : findings.map(({ message, remedy }) => `${message}\n  → ${remedy}`).join('\n')]);
  process.stdout.write(`${table(['', 'Invariant', 'Found'], told)}\n${ill.length === 0 ? 'All is well.' : `${ill.length} of ${diagnoses.length} checks found something.`}\n`);
}

/** Of home with its own region, or of another one that this machine keeps. */
async function examine(stateDir: string, region?: string): Promise<Diagnosis[]> {
  const { output, code } = await runRole('doctor', stateDir, region);
  if (code !== 0 || output === '') throw new Failure(`${region === undefined ? 'The cloud' : `The region ${region}`} could not be examined`, 'Is it up? intercloud status');
  const diagnoses = JSON.parse(output) as Diagnosis[];
  return region === undefined ? diagnoses : diagnoses.map((each) => ({ ...each, title: `${region}: ${each.title}` }));
}
