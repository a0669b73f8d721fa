"""What python3-openstacksdk does with every noun of identity: told as JSON, a line for each noun."""
import json
import sys

import openstack
from openstack import exceptions

url, password = sys.argv[1], sys.argv[2]
told = {}


def connect(**auth):
    return openstack.connect(auth=dict(auth_url=url + '/identity', **auth), region_name='here', load_yaml_config=False, load_envvars=False)


admin = connect(username='admin', password=password, project_name='admin', user_domain_id='default', project_domain_id='default')
identity = admin.identity


def lives(noun, make, change=None, listed=None, plural=None):
    """Made, got, found by name, listed, changed and deleted: what was not so is told."""
    wrong = []
    made = make()
    get, delete = getattr(identity, 'get_' + noun), getattr(identity, 'delete_' + noun)
    everything = getattr(identity, plural or noun + 's')
    if get(made.id).id != made.id:
        wrong.append('get')
    find = getattr(identity, 'find_' + noun, None)
    if find and find(made.name or made.id) is None:
        wrong.append('find')
    if made.id not in [each.id for each in everything(**(listed or {}))]:
        wrong.append('list')
    if change:
        changed = getattr(identity, 'update_' + noun)(made.id, **change)
        for key, value in change.items():
            if getattr(changed, key) != value or getattr(get(made.id), key) != value:
                wrong.append('update ' + key)
    delete(made.id, ignore_missing=False)
    try:
        get(made.id)
        wrong.append('delete')
    except exceptions.ResourceNotFound:
        pass
    told[noun] = wrong


def holds(name, give, has, take):
    """A right that is given, there, and taken."""
    before = has()
    give()
    given = has()
    take()
    told[name] = [before, given, has()]


domain = identity.create_domain(name='acme')
project = identity.create_project(name='work', domain_id=domain.id)
user = identity.create_user(name='eve', domain_id=domain.id, password='a secret')
group = identity.create_group(name='crew', domain_id=domain.id)
role = identity.find_role('member')
service = identity.create_service(type='thing', name='thing')

lives('domain', lambda: identity.create_domain(name='d', is_enabled=False), {'description': 'x'})
lives('project', lambda: identity.create_project(name='p', domain_id='default', tags=['blue']), {'description': 'x', 'is_enabled': False})
lives('user', lambda: identity.create_user(name='u', domain_id='default', password='x', email='u@example.org'), {'description': 'x', 'is_enabled': False})
lives('group', lambda: identity.create_group(name='g', domain_id='default'), {'description': 'x'})
lives('role', lambda: identity.create_role(name='r'), {'name': 'other'})
lives('region', lambda: identity.create_region(id='there', parent_region_id='here'), {'description': 'x'})
lives('service', lambda: identity.create_service(type='t', name='s'), {'description': 'x', 'is_enabled': False})
lives('endpoint', lambda: identity.create_endpoint(service_id=service.id, interface='public', url='http://thing.example', region_id='here'), {'url': 'http://other.example'})
lives('credential', lambda: identity.create_credential(type='cert', blob='x', user_id=user.id), {'blob': 'y'})
lives('policy', lambda: identity.create_policy(blob='{}', type='application/json'), {'blob': '{"a": 1}'}, plural='policies')


def one_of(everything, make, **wish):
    """This SDK does not read the reply, which is a list, and changes limits by a kind of patch that keystone does not know."""
    make(service_id=service.id, **wish)
    return [each for each in everything() if each.resource_name == wish['resource_name']][0]


lives('registered_limit', lambda: one_of(identity.registered_limits, identity.create_registered_limit, resource_name='one', default_limit=10))
identity.create_registered_limit(service_id=service.id, resource_name='things', default_limit=10)
# It cannot delete limits: its own code takes the argument for the module.
limit = one_of(identity.limits, identity.create_limit, resource_name='things', resource_limit=5, project_id=project.id)
told['limit'] = [identity.get_limit(limit.id).resource_limit, [each.resource_limit for each in identity.limits(project_id=project.id)]]

holds('member', lambda: identity.add_user_to_group(user, group), lambda: identity.check_user_in_group(user, group), lambda: identity.remove_user_from_group(user, group))
for where, place in (('project', project), ('domain', domain)):
    for who, actor in (('user', user), ('group', group)):
        give, take, has = getattr(identity, f'assign_{where}_role_to_{who}'), getattr(identity, f'unassign_{where}_role_from_{who}'), getattr(identity, f'validate_{who}_has_{where}_role')
        holds(f'role of a {who} in a {where}', lambda: give(place, actor, role), lambda: has(place, actor, role), lambda: take(place, actor, role))
for who, actor in (('user', user), ('group', group)):
    give, take, has = getattr(identity, f'assign_system_role_to_{who}'), getattr(identity, f'unassign_system_role_from_{who}'), getattr(identity, f'validate_{who}_has_system_role')
    holds(f'role of a {who} in the system', lambda: give(actor, role, 'all'), lambda: has(actor, role, 'all'), lambda: take(actor, role, 'all'))

identity.assign_project_role_to_user(project, user, role)
told['assignments'] = [[each.role['id'] == role.id, each.scope['project']['id'] == project.id] for each in identity.role_assignments(user_id=user.id)]
told['projects of a user'] = [each.name for each in identity.user_projects(user)]
own = connect(username='eve', password='a secret', user_domain_id=domain.id, project_id=project.id)
made = own.identity.create_application_credential(user.id, 'robot', roles=[{'name': 'reader'}])
robot = openstack.connect(auth_type='v3applicationcredential', auth=dict(auth_url=url + '/identity', application_credential_id=made.id, application_credential_secret=made.secret), region_name='here', load_yaml_config=False, load_envvars=False)
told['application credential'] = [
    own.identity.find_application_credential(user.id, 'robot').id == made.id,
    [each.name for each in own.identity.application_credentials(user.id)],
    own.identity.get_application_credential(user.id, made.id).name,
    robot.current_project_id == project.id,
]
own.identity.delete_application_credential(user.id, made.id)
trust = own.identity.create_trust(trustor_user_id=user.id, trustee_user_id=admin.current_user_id, project_id=project.id, is_impersonation=True, roles=[{'name': 'member'}])
told['trust'] = [own.identity.get_trust(trust.id).id == trust.id, [each.id for each in own.identity.trusts(trustor_user_id=user.id)] == [trust.id]]
own.identity.delete_trust(trust.id, ignore_missing=False)
told['trust'].append(identity.find_trust(trust.id) is None)
print(json.dumps(told))
