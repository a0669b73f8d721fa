/** The door of budgets. */
import { budgets as contract } from '../../contract/intercloud/billing/budgets.ts';
import { implement } from '../../kit/http/implement.ts';
import { createBudget, deleteBudget, getOwnBudget, listOwnBudgets, type ShownBudget } from './budgets.ts';
import { moneyOf, nanosOf } from './money.ts';
import { badRequest } from '../../kit/fault.ts';

export const budgets = implement(contract, {
  list: async (request) => ({ budgets: (await listOwnBudgets(request)).map(shown) }),
  async create(request) {
    const { name, project_id: projectId = null, currency, amount, stop_loss: stopLoss = false, alerts = [50, 80, 100] } = request.body;
    const amountNano = nanosOf(amount);
    if (amountNano < 0n) throw badRequest('A budget is not less than nothing', 'invalid');
    return shown(await createBudget(request, request.random, { name, projectId, currency, amountNano, stopLoss, alerts }));
  },
  show: async (request) => shown(await getOwnBudget(request, request.params.budget_id)),
  async delete(request) {
    await deleteBudget(request, request.params.budget_id);
  },
});

function shown({ id, name, projectId, currency, amountNano, spentNano, reservedNano, stopLoss, alerts, alerted, createdAt }: ShownBudget) {
  return { id, name, project_id: projectId, currency, amount: moneyOf(amountNano), spent: moneyOf(spentNano), reserved: moneyOf(reservedNano), stop_loss: stopLoss, alerts, alerted, created_at: createdAt.toISOString() };
}
