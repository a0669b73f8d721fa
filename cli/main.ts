/** The command line: `intercloud up`, and what one asks afterwards. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { driverNames, stateDirOf } from '../supervisor/config.ts';
import { shapeForm } from '../supervisor/host-shape.ts';
import { placeForm } from '../supervisor/object-store-place.ts';
import { billCommands } from './bills.ts';
import { faultNames } from './demo/faults.ts';
import { capacityCommands } from './capacity.ts';
import { demoFederation, type DemoOptions } from './demo/federation.ts';
import { doctor } from './doctor.ts';
import { down, reset } from './down.ts';
import { demandCloud, hostCommands } from './host.ts';
import { imageCommands } from './image.ts';
import { openrc } from './openrc.ts';
import { partnerCommands } from './partner.ts';
import { addRegion, join, listRegions, removeRegion, type AddOptions, type JoinOptions } from './region.ts';
import { demandOwner } from './state-folder.ts';
import { policy, refusedLately, why } from './policy.ts';
import { status } from './status.ts';
import { up, type UpOptions } from './up.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

const program = new Command('intercloud').description('A cloud in one command, that speaks OpenStack to unmodified clients.').version(version).showHelpAfterError();

const anyState = ({ state }: { state?: string }): string => {
  const stateDir = stateDirOf(state);
  demandOwner(stateDir, { orRoot: true });
  return stateDir;
};
const existing = (options: { state?: string }): string => demandCloud(anyState(options));
const stateOption = () => new Option('--state <dir>', 'the folder that holds all a cloud has (default: /var/lib/intercloud as root, ~/.local/state/intercloud otherwise; or $INTERCLOUD_STATE)').argParser(stateDirOf);
const formatOption = () => new Option('-f, --format <format>', 'how to print').choices(['table', 'json']).default('table');

program
  .command('up')
  .description('start the cloud; installs what is missing and finds everything as it was')
  .addOption(stateOption())
  .addOption(new Option('--driver <driver>', 'real machines, or simulated hosts (default: real as root)').choices(driverNames))
  .option('--hosts <number>', 'how many simulated hosts', integer(1, 100_000))
  .option('--host-shape <parts>', `what each simulated host is made of: ${shapeForm}`)
  .option('--port <port>', 'where all services answer (default: 5000)', integer(1, 65_535))
  .option('--listen <address>', 'the address to listen at (default: 127.0.0.1)')
  .option('--region <name>', 'the name of the region (default: RegionOne)')
  .option('--database <url>', 'a PostgreSQL to use instead of the embedded one: postgres://user:password@host/database')
  .option('--object-store <place>', `a bucket of any S3 or Ceph RGW for the bytes of objects, instead of files: ${placeForm}`)
  .option('--object-store-key <file>', 'the key to it, as `aws_access_key_id = …` and `aws_secret_access_key = …` (default: the environment variables of these names)')
  .option('--tls', 'serve HTTPS with a certificate of an authority made for this cloud')
  .option('--tls-cert <file>', 'serve HTTPS with this certificate (PEM)')
  .option('--tls-key <file>', 'the key of --tls-cert (PEM)')
  .option('--policy <file>', 'rules in the place of those that come with the services, as policy.yaml has them; kept until there are others')
  .option('--clock-ahead <seconds>', "its time is so much ahead of the machine's (or behind: -600), to rehearse what comes of clocks that differ; 0 ends that", integer(-86_400, 86_400))
  .addOption(formatOption())
  .action((options: UpOptions) => up({ ...options, state: stateDirOf(options.state) }));

program
  .command('down')
  .description('stop the cloud and its machines; everything is kept')
  .addOption(stateOption())
  .action((options: { state?: string }) => down(anyState(options)));

program
  .command('status')
  .description('which processes and engines run')
  .addOption(stateOption())
  .addOption(formatOption())
  .action((options: { state?: string; format: string }) => status(anyState(options), options.format));

program
  .command('doctor')
  .description('check what must always be true, and say how to mend what is not; the exit status is 0 when all is well')
  .addOption(stateOption())
  .addOption(formatOption())
  .action((options: { state?: string; format: string }) => doctor(existing(options), options.format));

program
  .command('policy [rule]')
  .description('which rules say who may do what')
  .addOption(stateOption())
  .addOption(formatOption())
  .action((rule: string | undefined, options: { state?: string; format: string }) => policy(existing(options), rule, options.format));

program
  .command('why [request-id]')
  .description('why a request was refused: by which rule, and what its caller was; without a request, who was refused lately')
  .addOption(stateOption())
  .addOption(formatOption())
  .action((requestId: string | undefined, options: { state?: string; format: string }) => (requestId === undefined ? refusedLately(existing(options), options.format) : why(existing(options), requestId, options.format)));

program
  .command('openrc')
  .description('print the environment for clients: eval "$(intercloud openrc)"')
  .addOption(stateOption())
  .action((options: { state?: string }) => openrc(existing(options)));

const region = program.command('region').description('the places of this cloud');

region
  .command('add <name>')
  .description('make another region, with its own database, services and endpoints in the one catalog')
  .addOption(stateOption())
  .addOption(new Option('--driver <driver>', 'real machines, or simulated hosts (default: as the cloud has)').choices(driverNames))
  .option('--hosts <number>', 'how many simulated hosts', integer(1, 100_000))
  .option('--port <port>', 'where its services answer (default: the next that is free)', integer(1, 65_535))
  .option('--elsewhere', 'print the command that starts it on another machine')
  .addOption(formatOption())
  .action((name: string, options: AddOptions & { state?: string }) => addRegion(existing(options), name, options));

region
  .command('list')
  .description('which regions there are')
  .addOption(stateOption())
  .addOption(formatOption())
  .action((options: { state?: string; format: string }) => listRegions(existing(options), options.format));

region
  .command('remove <name>')
  .description('delete a region that holds no servers and volumes')
  .addOption(stateOption())
  .action((name: string, options: { state?: string }) => removeRegion(existing(options), name));

hostCommands(program, { stateOf: existing, stateOption, formatOption });
capacityCommands(program, { stateOf: existing, stateOption, formatOption });
partnerCommands(program, { stateOf: existing, stateOption, formatOption });

program
  .command('join <home>')
  .description('be a region of the cloud that answers at this address, by the token that it gave')
  .requiredOption('--token <token>', 'as `intercloud region add --elsewhere` printed it')
  .addOption(stateOption())
  .addOption(new Option('--driver <driver>', 'real machines, or simulated hosts (default: real as root)').choices(driverNames))
  .option('--hosts <number>', 'how many simulated hosts', integer(1, 100_000))
  .option('--port <port>', 'where its services answer (default: 5000)', integer(1, 65_535))
  .option('--listen <address>', 'the address to listen at (default: 127.0.0.1)')
  .option('--url <url>', 'where clients and home reach it, when that is another address')
  .option('--database <url>', 'a PostgreSQL to use instead of the embedded one')
  .option('--home-ca <file>', "the authority of home's certificate (PEM)")
  .option('--tls', 'serve HTTPS with a certificate of an authority made for this region')
  .option('--tls-cert <file>', 'serve HTTPS with this certificate (PEM)')
  .option('--tls-key <file>', 'the key of --tls-cert (PEM)')
  .addOption(formatOption())
  .action((home: string, options: JoinOptions) => join(home, { ...options, state: stateDirOf(options.state) }));

const demo = program.command('demo').description('see for yourself what it does, in clouds that are made for it and deleted afterwards');

demo
  .command('federation')
  .description('a burst to a partner’s cloud and back, and the bills of everybody, computed again to the last cent; takes about two minutes')
  .option('--keep', 'leave its clouds running, and say where they are')
  .option('--partner-auth-url <url>', "the Keystone of any OpenStack that is to be the partner's cloud (default: a second Intercloud)")
  .option('--partner-username <name>', 'an administrator there')
  .option('--partner-user-domain <name>', 'the domain of that user, and of the project', 'Default')
  .option('--partner-project <name>', 'a project there in which the user is an administrator')
  .option('--partner-password-file <file>', 'the file that holds the password')
  .option('--partner-region <name>', 'the region of their catalog, when they have several')
  .addOption(new Option('--fault <name>', 'let something go wrong between the two clouds').choices(faultNames))
  .option('--seed <number>', 'the same number: the same machine, at the same moment', integer(0, 2 ** 31), 1)
  .addOption(formatOption())
  .action((options: DemoOptions) => demoFederation(options));

imageCommands(program, { stateOf: existing, stateOption, formatOption });
billCommands(program, { stateOf: ({ state }) => stateDirOf(state), stateOption, formatOption });

program
  .command('reset')
  .description('stop the cloud and delete all that it has')
  .addOption(stateOption())
  .option('--yes', 'really delete')
  .action((options: { state?: string; yes?: boolean }) => reset(anyState(options), options.yes === true));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`intercloud: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof Error && 'remedy' in error) process.stderr.write(`  ${String(error.remedy)}\n`);
  process.exitCode = 1;
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) throw new InvalidArgumentError(`a whole number from ${least} to ${most} is needed.`);
    return value;
  };
}
