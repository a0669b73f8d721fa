/** The door of the account's own ledger. */
import { ledger as contract } from '../../contract/intercloud/billing/ledger.ts';
import { implement } from '../../kit/http/implement.ts';
import { listOwnBookings, ownBalances } from './ledger.ts';
import { momentOf } from './moments.ts';
import { moneyOf } from './money.ts';
import { settle } from './settlements.ts';

export const ledger = implement(contract, {
  async list(request) {
    const { limit = 100, before } = request.query;
    const bookings = await listOwnBookings(request, { limit, before });
    return {
      bookings: bookings.map(({ id, at, kind, reference, entries }) => ({
        id,
        at: at.toISOString(),
        kind,
        reference,
        entries: entries.map((entry) => ({ ledger: entry.ledger, with_account: entry.withAccount, currency: entry.currency, amount: moneyOf(entry.amountNano) })),
      })),
    };
  },
  async settle(request) {
    const { agreement_id: agreementId, account_id: accountId, from, until } = request.body;
    const { currency, agreedNano, invoicedNano, bookedNano, openDisputes } = await settle(request, { agreementId, accountId, from: momentOf(from), until: momentOf(until) });
    return { currency, agreed: moneyOf(agreedNano), invoiced: moneyOf(invoicedNano), booked: moneyOf(bookedNano), open_disputes: openDisputes };
  },
  balances: async (request) => ({ balances: (await ownBalances(request)).map(({ ledger: name, withAccount, currency, balanceNano }) => ({ ledger: name, with_account: withAccount, currency, balance: moneyOf(balanceNano) })) }),
});
