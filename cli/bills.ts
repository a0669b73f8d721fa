/** `intercloud usage` and `intercloud invoice …`: what was used, and what is owed for it. */
import { writeFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { createClient, Refused } from '../contract/client.ts';
import type { Service } from '../contract/contract.ts';
import { billing } from '../contract/intercloud/billing.ts';
import { metering } from '../contract/intercloud/metering.ts';
import { Failure } from './failure.ts';
import { signIn, titleOf } from './sign-in.ts';
import { table } from './table.ts';

type Given = { state?: string; format: string };
type Around = { stateOf(options: { state?: string }): string; stateOption(): Option; formatOption(): Option };

/** Adds the commands to the program. */
export function billCommands(program: Command, { stateOf, stateOption, formatOption }: Around): void {
  const command = (parent: Command, usage: string, description: string) => parent.command(usage).description(description).addOption(stateOption()).addOption(formatOption());
  const clientOf = async <const S extends Service>(service: S, options: Given) => createClient(service, await signIn(stateOf(options)));

  command(program, 'usage', 'what a project used, by the hour')
    .option('--project <id>', 'whose, as the administrator (default: your own)')
    .option('--from <time>', 'the first hour (default: of this month)')
    .option('--until <time>', 'the hour after the last')
    .action((options: Given & { project?: string; from?: string; until?: string }) => told(async () => showUsage(await clientOf(metering, options), options)));

  const invoice = program.command('invoice').description('what accounts owe each other');
  command(invoice, 'list', 'the invoices that you get and give').action((options: Given) =>
    told(async () => {
      const { invoices } = (await (await clientOf(billing, options)).invoices.list()).body;
      const rows = invoices.map(({ id, number, status, seller_name: seller, buyer_name: buyer, from, until, total, currency }) => [id, number ?? '', status, seller, buyer, `${hour(from)} – ${hour(until)}`, `${total} ${currency}`]);
      print(options.format, invoices, ['ID', 'Number', 'Status', 'From', 'To', 'Period (UTC)', 'Total'], rows);
    }),
  );
  command(invoice, 'show <id>', 'an invoice, line by line').action((id: string, options: Given) =>
    told(async () => {
      const { body } = await (await clientOf(billing, options)).invoices.show({ params: { invoice_id: id } });
      const rows = body.lines.map((line) => [line.project_id, line.region, `${line.resource} ${line.flavor}`, line.measure, line.entry, line.cost, line.amount]);
      print(options.format, body, ['Project', 'Region', 'What', 'Measure', 'Price', 'Exact', 'Amount'], [...rows, ['', '', '', '', '', 'Total', `${body.total} ${body.currency}`]]);
    }),
  );
  command(invoice, 'draft <account>', 'draft the invoice of an account right below yours')
    .requiredOption('--from <time>', 'the first hour, such as 2026-03-01T00:00:00Z')
    .requiredOption('--until <time>', 'the hour after the last')
    .action((account: string, options: Given & { from: string; until: string }) =>
      told(async () => {
        const { body } = await (await clientOf(billing, options)).invoices.create({ body: { account_id: account, from: options.from, until: options.until } });
        print(options.format, body, ['ID', 'To', 'Total'], [[body.id, body.buyer_name, `${body.total} ${body.currency}`]]);
      }),
    );
  command(invoice, 'issue <id>', 'issue a draft: it never changes again').action((id: string, options: Given) =>
    told(async () => {
      const { body } = await (await clientOf(billing, options)).invoices.issue({ params: { invoice_id: id } });
      print(options.format, body, ['Number', 'To', 'Total'], [[body.number ?? '', body.buyer_name, `${body.total} ${body.currency}`]]);
    }),
  );
  command(invoice, 'replay <id>', 'compute every line again from the records of use and the book of prices; the exit status is 0 when it is the same').action((id: string, options: Given) =>
    told(async () => {
      const { body } = await (await clientOf(billing, options)).invoices.replay({ params: { invoice_id: id } });
      if (!body.identical) process.exitCode = 1;
      if (options.format === 'json' || body.differences.length > 0) return print(options.format, body, ['Line', 'Invoiced', 'Computed'], body.differences.map(({ line, invoiced, computed }) => [line, invoiced ?? '-', computed ?? '-']));
      process.stdout.write(`${body.identical ? 'The same' : 'Not the same'}, from ${body.records} records.\n`);
    }),
  );
  for (const [name, what] of [['pdf', 'an issued invoice on paper'], ['focus', 'an issued invoice thing by thing, as CSV of FOCUS 1.2']] as const)
    command(invoice, `${name} <id>`, what)
      .requiredOption('--output <file>', 'where to write it')
      .action((id: string, options: Given & { output: string }) =>
        told(async () => {
          const signedIn = await signIn(stateOf(options));
          const reply = await signedIn.fetch(`${signedIn.base}${billing.path}/invoices/${encodeURIComponent(id)}/${name}`, { headers: { 'x-auth-token': signedIn.token() } });
          if (!reply.ok) throw new Refused(`invoice ${name}`, reply.status, await reply.json(), reply.headers);
          writeFileSync(options.output, Buffer.from(await reply.arrayBuffer()));
        }),
      );
}

async function showUsage({ usage }: ReturnType<typeof createClient<typeof metering>>, { project, from, until, format }: Given & { project?: string; from?: string; until?: string }): Promise<void> {
  const query = { ...(project === undefined ? {} : { project_id: project }), ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
  const all = [];
  for (let marker: string | null | undefined; marker !== null; ) {
    const { body } = await usage.list({ query: { ...query, ...(marker === undefined ? {} : { marker }) } });
    all.push(...body.usage);
    marker = body.next;
  }
  print(format, all, ['Hour (UTC)', 'Region', 'What', 'State', 'Seconds'], all.map((each) => [hour(each.hour), each.region, `${each.resource} ${each.flavor}`, each.state, each.seconds]));
}

function print(format: string, value: unknown, head: string[], rows: string[][]): void {
  process.stdout.write(format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : `${table(head, rows)}\n`);
}

/** What the cloud refused, in its own words. */
async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused) throw new Failure(titleOf(error), error.status === 403 ? 'Bills are for managers, with a token for their domain: OS_DOMAIN_NAME' : 'Mend that and try again');
    throw error;
  }
}

function hour(time: string): string {
  return time.slice(0, 16).replace('T', ' ');
}
