-- What metadata of images, servers and volumes can mean, for those who choose among it.
create table image.metadef_namespace (
  name text primary key,
  project_id text not null,
  display_name text,
  description text,
  visibility text not null check (visibility in ('public', 'private')),
  protected boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (name, project_id)
);

-- What is in a namespace is its owner's, and goes where it goes.
create table image.metadef_object (
  namespace text not null,
  project_id text not null,
  name text not null,
  description text,
  required text[],
  properties jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (namespace, name),
  foreign key (namespace, project_id) references image.metadef_namespace (name, project_id) on update cascade on delete cascade
);

create table image.metadef_property (
  namespace text not null,
  project_id text not null,
  name text not null,
  definition jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (namespace, name),
  foreign key (namespace, project_id) references image.metadef_namespace (name, project_id) on update cascade on delete cascade
);

create table image.metadef_tag (
  namespace text not null,
  project_id text not null,
  name text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (namespace, name),
  foreign key (namespace, project_id) references image.metadef_namespace (name, project_id) on update cascade on delete cascade
);

-- Of no project: what there is in a cloud.
create table image.metadef_resource_type (
  name text primary key,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create table image.metadef_association (
  namespace text not null,
  project_id text not null,
  name text not null references image.metadef_resource_type,
  prefix text,
  properties_target text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (namespace, name),
  foreign key (namespace, project_id) references image.metadef_namespace (name, project_id) on update cascade on delete cascade
);
create index metadef_association_of on image.metadef_association (name);

call kit.protect('image.metadef_namespace', $$visibility = 'public'$$);
call kit.protect('image.metadef_object', $$exists (select from image.metadef_namespace n where n.name = namespace and n.visibility = 'public')$$);
call kit.protect('image.metadef_property', $$exists (select from image.metadef_namespace n where n.name = namespace and n.visibility = 'public')$$);
call kit.protect('image.metadef_tag', $$exists (select from image.metadef_namespace n where n.name = namespace and n.visibility = 'public')$$);
call kit.protect('image.metadef_association', $$exists (select from image.metadef_namespace n where n.name = namespace and n.visibility = 'public')$$);
