/** `intercloud down` and `intercloud reset`. */
import { rmSync } from 'node:fs';
import { layoutOf, readConfig } from '../supervisor/config.ts';
import { askSupervisor } from '../supervisor/control.ts';
import { removeClientFiles } from './client-files.ts';
import { lockedExitCode, runRole, supervisorGone } from './role.ts';
import { Failure } from './failure.ts';

export async function down(stateDir: string): Promise<void> {
  const stopped = await askSupervisor(layoutOf(stateDir).supervisorSocket, { command: 'down' });
  if (stopped !== undefined) await supervisorGone(stateDir);
  // A supervisor that was killed has left its engines running.
  if (stopped === undefined && readConfig(stateDir)) {
    const { code } = await runRole('halt', stateDir);
    if (code === lockedExitCode) throw new Failure(`Another command starts or stops the cloud of ${stateDir}`, 'Try again when it has ended');
    if (code !== 0) throw new Failure('What an earlier start left running could not be stopped', 'Mend what is said above and try again');
  }
  process.stdout.write(stopped === undefined ? `The cloud of ${stateDir} was not running.\n` : 'The cloud is down; everything is kept for the next start.\n');
}

export async function reset(stateDir: string, yes: boolean): Promise<void> {
  const config = readConfig(stateDir);
  if (!config) throw new Failure(`There is no cloud in ${stateDir}`, 'Nothing has been deleted');
  if (!yes) throw new Failure(`This deletes every server, volume, image and account of the cloud in ${stateDir}`, 'Say so: intercloud reset --yes');
  await down(stateDir);
  const { code } = await runRole('clear', stateDir);
  if (code !== 0) throw new Failure('The engines could not be taken down', `Nothing in ${stateDir} has been deleted; mend what is said above and try again`);
  removeClientFiles(config);
  rmSync(stateDir, { recursive: true, force: true });
  process.stdout.write(`${stateDir} is deleted.\n`);
}
