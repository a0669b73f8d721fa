/** Who owes whom how much, and why. */
import { accounts } from './billing/accounts.ts';
import { books } from './billing/books.ts';
import { budgets } from './billing/budgets.ts';
import { invoices } from './billing/invoices.ts';
import { ledger } from './billing/ledger.ts';
import { nativeService } from './native.ts';

export const billing = nativeService({ name: 'billing', title: 'Billing', nouns: { accounts, books, invoices, ledger, budgets } });
