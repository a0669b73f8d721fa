/** How much an account means to spend, in all or for one project. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Currency, Id, Moment, Money, Name } from '../native.ts';

const exactly = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, { additionalProperties: false });
const access = (verb: string) => ({ rule: `intercloud:billing:${verb}`, who: 'manager' }) as const;

export const Budget = exactly({
  id: Type.String(),
  name: Type.String(),
  project_id: Type.Union([Type.String(), Type.Null()]),
  currency: Type.String(),
  amount: Type.String(),
  spent: Type.String({ description: 'By the rated usage of this month' }),
  reserved: Type.String({ description: 'Held by regions, to be spent: what they make has to fit into it' }),
  stop_loss: Type.Boolean({ description: 'Servers are deleted, the newest first, before what they cost passes it; without, nothing is made whose price to the end of the month is not left' }),
  alerts: Type.Array(Type.Integer()),
  alerted: Type.Integer({ description: 'The highest alert that was given this month' }),
  created_at: Moment,
});

export const budgets = operations({
  list: {
    method: 'GET',
    path: '/budgets',
    summary: "The account's budgets",
    access: access('list_budgets'),
    stability: 'stable',
    status: 200,
    response: exactly({ budgets: Type.Array(Budget) }),
    list: { resource: 'budget', show: 'show', parameter: 'budget_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/budgets',
    summary: 'Make a monthly budget for the account or for one of its projects',
    access: access('create_budget'),
    stability: 'stable',
    body: exactly({ name: Name, project_id: Type.Optional(Id), currency: Currency, amount: Money, stop_loss: Type.Optional(Type.Boolean()), alerts: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 1_000 }), { maxItems: 10, description: 'Percent of it at which an event tells; 50, 80 and 100 without' })) }),
    status: 201,
    response: Budget,
  },
  show: { method: 'GET', path: '/budgets/{budget_id}', summary: 'Show a budget', access: access('show_budget'), stability: 'stable', status: 200, response: Budget },
  delete: { method: 'DELETE', path: '/budgets/{budget_id}', summary: 'Drop a budget', access: access('delete_budget'), stability: 'stable', status: 204 },
});
