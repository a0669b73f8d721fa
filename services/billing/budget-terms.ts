/** What regions must know of budgets, so that they keep to them without asking what each thing costs. */
import type { Static } from 'typebox';
import type { BudgetTerms } from '../../contract/intercloud/federation/feed.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { projectsOfDomains } from '../identity/project-domains.ts';
import { unsoldStates } from '../metering/states.ts';
import { domainsUnder } from './account-path.ts';
import { booksOfPeriod } from './accounts.ts';
import { findAccount } from './accounts.store.ts';
import { getBook } from './books.ts';
import { listBudgets } from './budgets.store.ts';
import { nanosOf } from './money.ts';
import type { BookEntry } from './rating.ts';

type Terms = Static<typeof BudgetTerms>;

/** Of accounts that pay: the operator's own use costs him nothing here, and a supplier's is what he sells. */
export async function budgetTermsFor(tx: Transaction, region: string, now: Date): Promise<Terms[]> {
  const terms: Terms[] = [];
  for (const { id, accountId, projectId, currency, stopLoss } of await listBudgets(tx, null)) {
    const account = await findAccount(tx, accountId);
    if (account?.kind !== 'customer') continue;
    const [book] = await booksOfPeriod(tx, accountId, { from: now, until: new Date(now.getTime() + 1) });
    const entries = book ? (await getBook(tx, book.bookId)).entries : [];
    const domains = projectId === null ? await domainsUnder(tx, accountId) : [];
    const projects = projectId === null ? await projectsOfDomains(tx, domains) : [projectId];
    terms.push({ id, currency, stop_loss: stopLoss, projects, domains, prices: entries.filter((entry) => entry.region === undefined || entry.region === region).map(dearest) });
  }
  return terms;
}

/** What is included, and what is cheaper before or after: nobody knows in a region which part of the whole its own is. */
function dearest({ resource, measure, flavor, states, per = 1, price, tiers }: BookEntry): Terms['prices'][number] {
  const nanos = (tiers ?? [{ price: price ?? '0' }]).map((each) => nanosOf(each.price));
  return {
    resource,
    measure,
    ...(flavor === undefined ? {} : { flavor }),
    ...(states === undefined ? { not_states: [...unsoldStates] } : { states }),
    per,
    nano: String(nanos.reduce((one, other) => (one > other ? one : other), 0n)),
  };
}
