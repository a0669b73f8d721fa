/** Audits that Nova's hosts write of a month. Ours write none: what is used is metered as it happens, and told by metering. */
import { usageAudits as contract } from '../../contract/compute/audit-log.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';

export const usageAudits = implement(contract, {
  async list({ now }) {
    return { instance_usage_audit_logs: monthBefore(now) };
  },
  async show({ params }) {
    const text = params.before;
    const date = new Date(`${text.replace(' ', 'T')}Z`);
    if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/.test(text) || Number.isNaN(date.getTime())) throw badRequest(`Invalid timestamp for date ${text}`);
    return { instance_usage_audit_log: monthBefore(date) };
  },
});

/** nova/utils.py, last_completed_audit_period: the last whole month. Nova looks for hosts in its first cell only, which has none. */
function monthBefore(moment: Date) {
  const [end, begin] = [0, 1].map((back) => new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() - back, 1)));
  return {
    period_beginning: asText(begin!),
    period_ending: asText(end!),
    num_hosts: 0,
    num_hosts_done: 0,
    num_hosts_running: 0,
    num_hosts_not_run: 0,
    hosts_not_run: [],
    total_instances: 0,
    total_errors: 0,
    overall_status: 'ALL hosts done. 0 errors.',
    log: {},
  };
}

function asText(date: Date): string {
  return date.toISOString().slice(0, 19).replace('T', ' ');
}
