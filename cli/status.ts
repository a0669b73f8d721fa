/** `intercloud status`: what runs. Exit status 0 when all of it does, 3 when the cloud is down (as LSB has it). */
import { baseUrl, layoutOf, readConfig } from '../supervisor/config.ts';
import { askSupervisor, type Status } from '../supervisor/control.ts';
import { table } from './table.ts';

export async function status(stateDir: string, format: string): Promise<void> {
  const config = readConfig(stateDir);
  const running = config && (await askSupervisor<Status>(layoutOf(stateDir).supervisorSocket, { command: 'status' }));
  if (!config || !running) {
    process.stdout.write(format === 'json' ? `${JSON.stringify({ state: 'down', stateDir })}\n` : `The cloud of ${stateDir} is down. Start it: intercloud up\n`);
    process.exitCode = 3;
    return;
  }
  const rows = [
    { name: 'supervisor', pid: running.pid as number | null, state: 'ready', restarts: 0 },
    ...running.processes,
    ...running.engines.map(({ name, pid, alive, restarts }) => ({ name, pid, state: alive ? 'ready' : 'restarting', restarts })),
  ];
  if (running.phase !== 'up' || rows.some(({ state }) => state !== 'ready')) process.exitCode = 1;
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify({ state: running.phase, url: baseUrl(config), driver: config.driver, stateDir, processes: rows }, null, 2)}\n`);
    return;
  }
  const processes = table(['Process', 'Pid', 'State', 'Restarts'], rows.map(({ name, pid, state, restarts }) => [name, String(pid ?? '-'), state, String(restarts)]));
  const { member } = config;
  if (member) return void process.stdout.write(`${member.name}, a ${config.driver} host of the region ${member.region} whose gate is at ${member.gate.host}:${member.gate.port}, state in ${stateDir}\n${processes}\n`);
  process.stdout.write(`${baseUrl(config)}  ${config.driver} hosts, region ${config.region}, state in ${stateDir}\n${processes}\n`);
}
