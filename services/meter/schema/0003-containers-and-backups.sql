-- Containers and backups last too, and cost something. Those that there are already are found as in 0001.
update kit.event_consumer set types = types || array['container.%', 'backup.%'] where name = 'meter';
insert into kit.event_delivery (consumer, event_id, about)
select 'meter', event.id, event.resource || '/' || event.resource_id from kit.event event
where event.type like 'container.%' or event.type like 'backup.%'
on conflict do nothing;
