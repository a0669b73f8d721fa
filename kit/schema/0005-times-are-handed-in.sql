-- When a run was started is for its starter's clock to say.
alter table kit.workflow_run alter column created_at drop default;
