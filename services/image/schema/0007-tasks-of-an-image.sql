-- What is done for an image is its owner's to know, whoever asked for it.
create policy shown_to_the_owner_of_its_image on image.task for select
  using (kit.scope() is not null and exists (select from image.image i where i.id = image_id and i.project_id = kit.scope()));
