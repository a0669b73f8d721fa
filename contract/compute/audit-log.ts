/** nova/api/openstack/compute/instance_usage_audit_log.py */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { exactly } from './fields.ts';

const admin = (verb: string) => ({ rule: `os_compute_api:os-instance-usage-audit-log:${verb}`, who: 'admin' }) as const;

const log = exactly({
  period_beginning: Type.String(),
  period_ending: Type.String(),
  num_hosts: Type.Integer(),
  num_hosts_done: Type.Integer(),
  num_hosts_running: Type.Integer(),
  num_hosts_not_run: Type.Integer(),
  hosts_not_run: Type.Array(Type.String()),
  total_instances: Type.Integer(),
  total_errors: Type.Integer(),
  overall_status: Type.String(),
  log: exactly({}),
});

export const usageAudits = operations({
  list: { method: 'GET', path: '/os-instance_usage_audit_log', summary: 'Which hosts have written their audit of the last month', access: admin('list'), stability: 'stable', status: 200, response: exactly({ instance_usage_audit_logs: log }) },
  show: { method: 'GET', path: '/os-instance_usage_audit_log/{before}', summary: 'Which hosts had written their audit of the month before', access: admin('show'), stability: 'stable', status: 200, response: exactly({ instance_usage_audit_log: log }) },
});
