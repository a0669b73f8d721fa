/** `intercloud capacity` and `intercloud placed`: how many servers fit now, and why one is where it is. For operators: hosts are named. */
import type { Command, Option } from 'commander';
import { createClient, Refused } from '../contract/client.ts';
import { region } from '../contract/intercloud/region.ts';
import { Failure } from './failure.ts';
import { signIn, titleOf } from './sign-in.ts';
import { table } from './table.ts';

type Given = { state?: string; format: string };
type Around = { stateOf(options: { state?: string }): string; stateOption(): Option; formatOption(): Option };
type Question = { filter: string; says: string; hosts: number };

/** Adds the commands to the program. */
export function capacityCommands(program: Command, { stateOf, stateOption, formatOption }: Around): void {
  const command = (usage: string, description: string) => program.command(usage).description(description).addOption(stateOption()).addOption(formatOption());
  const clientOf = async (options: Given) => createClient(region, await signIn(stateOf(options)));

  command('capacity <flavor>', 'how many servers of a flavor fit now, on which hosts, and what rules the others out')
    .option('--zone <zone>', 'only in this availability zone')
    .action((flavor: string, options: Given & { zone?: string }) =>
      told(async () => {
        const { body } = await (await clientOf(options)).placing.whatIf({ body: { flavor, ...(options.zone === undefined ? {} : { availability_zone: options.zone }) } });
        if (options.format === 'json') return void process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
        process.stdout.write(`${asked(body.hosts, body.questions)}\n${table(['Host', 'Zone', 'Fit'], [...body.room.map(({ host, availability_zone: zone, fits }) => [host, zone, String(fits)]), ['', 'Total', String(body.fits)]])}\n`);
      }),
    );
  command('placed <server-id>', 'why a server is on its host').action((id: string, options: Given) =>
    told(async () => {
      const { body } = await (await clientOf(options)).placing.show({ params: { server_id: id } });
      if (options.format === 'json') return void process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
      const rows = body.finalists.map(({ host, values, lost }) => [host, ...values.map(String), host === body.host ? 'chosen' : lost ? 'somebody was quicker' : '']);
      process.stdout.write(`${asked(body.hosts, body.questions)}\n${table(['Host', ...body.weights.map(({ name, multiplier }) => `${name} × ${multiplier}`), ''], rows)}\n`);
    }),
  );
}

function asked(hosts: number, questions: readonly Question[]): string {
  return table(['Asked of hosts', 'Left'], [['all that there are', String(hosts)], ...questions.map(({ filter, says, hosts: left }) => [`${says} (${filter})`, String(left)])]);
}

async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused) throw new Failure(titleOf(error), 'intercloud capacity names a flavor by its id or its name; both commands are for administrators');
    throw error;
  }
}
