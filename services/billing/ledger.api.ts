/** The door of the account's own ledger. */
import { ledger as contract } from '../../contract/intercloud/billing/ledger.ts';
import { implement } from '../../kit/http/implement.ts';
import { listOwnBookings, ownBalances } from './ledger.ts';
import { moneyOf } from './money.ts';

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
  balances: async (request) => ({ balances: (await ownBalances(request)).map(({ ledger: name, withAccount, currency, balanceNano }) => ({ ledger: name, with_account: withAccount, currency, balance: moneyOf(balanceNano) })) }),
});
