-- What could not be handled yet: few, and looked for with every batch (kit/events/batches.ts).
create index event_delivery_put_off on kit.event_delivery (consumer, about) where attempt > 0;
