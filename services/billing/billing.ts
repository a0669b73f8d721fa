/** Billing: accounts, prices, invoices, ledgers, budgets. */
import { billing as contract } from '../../contract/intercloud/billing.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import { domainExists } from '../identity/project-domains.ts';
import type { HomeParts, Made, RegionParts } from '../parts.ts';
import { accounts } from './accounts.api.ts';
import { billingInvariants } from './billing.invariants.ts';
import { books } from './books.api.ts';
import { budgets } from './budgets.api.ts';
import { countBudgets } from './budgets.ts';
import { invoices } from './invoices.api.ts';
import { ledger } from './ledger.api.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export function makeBilling(parts: HomeParts): Made {
  return {
    implementation: implementService(contract, parts.database, { accounts: accounts({ domainExists }), books, invoices, ledger, budgets }),
    workflows: [],
    schedules: [schedule<RegionParts>('billing.budgets', { everyMs: 60_000, run: () => countBudgets(parts) })],
    invariants: billingInvariants(parts),
  };
}
