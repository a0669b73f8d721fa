-- How often in a row its owner has died in the step. Before, that used up the step's attempts.
alter table kit.workflow_run add column deaths int not null default 0;
