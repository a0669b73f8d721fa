-- As neutron counts: a project's first group and the rules with which groups begin are of its use.
insert into quota.claim as c (project_id, resource, used, lease)
  select project_id, resource, amount, case when exists (select from quota.place where leased) then 0 end
  from (
    select project_id, 'network.security_group' as resource, count(*) as amount from network.security_group where is_default group by 1
    union all select project_id, 'network.security_group_rule', count(*) from network.security_group_rule where not counted group by 1) given
  on conflict (project_id, resource) do update set used = c.used + excluded.used;
alter table network.security_group_rule drop column counted;
