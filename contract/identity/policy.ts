/**
 * Who may do what in identity: upstream's names and defaults (keystone/common/policies), in oslo.policy's language.
 * Operators know these names and replace the rules by a file; docs/rules.md.
 */
const admin = 'rule:admin_required';
const reader = 'rule:admin_required or (role:reader and system_scope:all)';
const anyone = '';
const managerOfProject = '(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s)';
const readerOfDomain = '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s)';
const service = 'rule:service_or_admin';
const owner = '(rule:admin_required) or (role:reader and system_scope:all) or rule:owner';
const readerOfCredential = '(rule:admin_required) or (role:reader and system_scope:all) or user_id:%(target.credential.user_id)s';
const ownerOfCredential = '(rule:admin_required) or user_id:%(target.credential.user_id)s';
const readerOfGroup = '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.group.domain_id)s)';
const managerOfGroup = '(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s)';
const readerOfProject = '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s) or project_id:%(target.project.id)s';
const partyOfTrust = '(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustor_user_id)s or user_id:%(target.trust.trustee_user_id)s)';
const managerOfUser = '(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)';
const subject = 'rule:admin_required or rule:token_subject';
const readerOfAccessRule = '(role:reader and system_scope:all) or user_id:%(target.user.id)s';
const memberOfCredential = '(rule:admin_required) or (role:member and user_id:%(target.credential.user_id)s)';
const managerOfMembership = '(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)';
const granter = '(rule:admin_required) '
  + 'or ((role:admin and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) '
  + 'or (role:admin and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) '
  + 'or (role:admin and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) '
  + 'or (role:admin and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) '
  + 'and (domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s) '
  + 'or ((role:manager and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) '
  + 'or (role:manager and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) '
  + 'or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) '
  + 'or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) '
  + 'and rule:domain_managed_target_role';

export const policy: Readonly<Record<string, string>> = {
  admin_required: 'role:admin or is_admin:1',
  service_role: 'role:service',
  service_or_admin: 'rule:admin_required or rule:service_role',
  owner: 'user_id:%(user_id)s',
  admin_or_owner: 'rule:admin_required or rule:owner',
  token_subject: 'user_id:%(target.token.user_id)s',
  admin_or_token_subject: subject,
  service_admin_or_token_subject: 'rule:service_or_admin or rule:token_subject',
  domain_managed_target_role: "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
  'identity:get_access_rule': readerOfAccessRule,
  'identity:list_access_rules': readerOfAccessRule,
  'identity:delete_access_rule': '(role:admin and system_scope:all) or user_id:%(target.user.id)s',
  'identity:authorize_request_token': admin,
  'identity:get_access_token': admin,
  'identity:get_access_token_role': admin,
  'identity:list_access_tokens': admin,
  'identity:list_access_token_roles': admin,
  'identity:delete_access_token': admin,
  'identity:get_application_credential': owner,
  'identity:list_application_credentials': owner,
  'identity:create_application_credential': 'user_id:%(user_id)s',
  'identity:delete_application_credential': 'rule:admin_or_owner',
  'identity:get_auth_catalog': anyone,
  'identity:get_auth_projects': anyone,
  'identity:get_auth_domains': anyone,
  'identity:get_auth_system': anyone,
  'identity:get_consumer': reader,
  'identity:list_consumers': reader,
  'identity:create_consumer': admin,
  'identity:update_consumer': admin,
  'identity:delete_consumer': admin,
  'identity:get_credential': readerOfCredential,
  'identity:list_credentials': readerOfCredential,
  'identity:create_credential': ownerOfCredential,
  'identity:update_credential': ownerOfCredential,
  'identity:delete_credential': ownerOfCredential,
  'identity:get_domain': 'rule:admin_required or (role:reader and system_scope:all) or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s',
  'identity:list_domains': 'rule:admin_required or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain.id)s)',
  'identity:create_domain': admin,
  'identity:update_domain': admin,
  'identity:delete_domain': admin,
  'identity:create_domain_config': admin,
  'identity:get_domain_config': reader,
  'identity:get_security_compliance_domain_config': anyone,
  'identity:update_domain_config': admin,
  'identity:delete_domain_config': admin,
  'identity:get_domain_config_default': reader,
  'identity:ec2_get_credential': readerOfCredential,
  'identity:ec2_list_credentials': owner,
  'identity:ec2_create_credential': memberOfCredential,
  'identity:ec2_delete_credential': memberOfCredential,
  'identity:get_endpoint': reader,
  'identity:list_endpoints': reader,
  'identity:create_endpoint': admin,
  'identity:update_endpoint': admin,
  'identity:delete_endpoint': admin,
  'identity:create_endpoint_group': admin,
  'identity:list_endpoint_groups': reader,
  'identity:get_endpoint_group': reader,
  'identity:update_endpoint_group': admin,
  'identity:delete_endpoint_group': admin,
  'identity:list_projects_associated_with_endpoint_group': reader,
  'identity:list_endpoints_associated_with_endpoint_group': reader,
  'identity:get_endpoint_group_in_project': reader,
  'identity:list_endpoint_groups_for_project': reader,
  'identity:add_endpoint_group_to_project': admin,
  'identity:remove_endpoint_group_from_project': admin,
  'identity:check_grant': '(rule:admin_required) '
    + 'or ((role:reader and system_scope:all) '
    + 'or ((role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) '
    + 'or (role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) '
    + 'or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) '
    + 'or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) '
    + 'and (domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s))',
  'identity:list_grants': '(rule:admin_required) '
    + 'or ((role:reader and system_scope:all) '
    + 'or (role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) '
    + 'or (role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) '
    + 'or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) '
    + 'or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s))',
  'identity:create_grant': granter,
  'identity:revoke_grant': granter,
  'identity:list_system_grants_for_user': reader,
  'identity:check_system_grant_for_user': reader,
  'identity:create_system_grant_for_user': admin,
  'identity:revoke_system_grant_for_user': admin,
  'identity:list_system_grants_for_group': reader,
  'identity:check_system_grant_for_group': reader,
  'identity:create_system_grant_for_group': admin,
  'identity:revoke_system_grant_for_group': admin,
  'identity:get_group': readerOfGroup,
  'identity:list_groups': readerOfGroup,
  'identity:list_groups_for_user': '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(user_id)s',
  'identity:create_group': managerOfGroup,
  'identity:update_group': managerOfGroup,
  'identity:delete_group': managerOfGroup,
  'identity:list_users_in_group': readerOfGroup,
  'identity:remove_user_from_group': managerOfMembership,
  'identity:check_user_in_group': '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)',
  'identity:add_user_to_group': managerOfMembership,
  'identity:get_implied_role': reader,
  'identity:list_implied_roles': reader,
  'identity:create_implied_role': admin,
  'identity:delete_implied_role': admin,
  'identity:list_role_inference_rules': reader,
  'identity:check_implied_role': reader,
  'identity:get_limit_model': anyone,
  'identity:get_limit': 'rule:admin_required or (role:reader and system_scope:all) '
    + 'or (domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s) '
    + 'or (project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)',
  'identity:list_limits': anyone,
  'identity:create_limits': admin,
  'identity:update_limit': admin,
  'identity:delete_limit': admin,
  'identity:get_policy': reader,
  'identity:list_policies': reader,
  'identity:create_policy': admin,
  'identity:update_policy': admin,
  'identity:delete_policy': admin,
  'identity:create_policy_association_for_endpoint': admin,
  'identity:check_policy_association_for_endpoint': reader,
  'identity:delete_policy_association_for_endpoint': admin,
  'identity:create_policy_association_for_service': admin,
  'identity:check_policy_association_for_service': reader,
  'identity:delete_policy_association_for_service': admin,
  'identity:create_policy_association_for_region_and_service': admin,
  'identity:check_policy_association_for_region_and_service': reader,
  'identity:delete_policy_association_for_region_and_service': admin,
  'identity:get_policy_for_endpoint': reader,
  'identity:list_endpoints_for_policy': reader,
  'identity:get_project': readerOfProject,
  'identity:list_projects': readerOfDomain,
  'identity:list_user_projects': '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(target.user.id)s',
  'identity:create_project': managerOfProject,
  'identity:update_project': managerOfProject,
  'identity:delete_project': managerOfProject,
  'identity:list_project_tags': readerOfProject,
  'identity:get_project_tag': readerOfProject,
  'identity:update_project_tags': managerOfProject,
  'identity:create_project_tag': managerOfProject,
  'identity:delete_project_tags': managerOfProject,
  'identity:delete_project_tag': managerOfProject,
  'identity:list_projects_for_endpoint': reader,
  'identity:add_endpoint_to_project': admin,
  'identity:check_endpoint_in_project': reader,
  'identity:list_endpoints_for_project': reader,
  'identity:remove_endpoint_from_project': admin,
  'identity:get_region': anyone,
  'identity:list_regions': anyone,
  'identity:create_region': admin,
  'identity:update_region': admin,
  'identity:delete_region': admin,
  'identity:get_registered_limit': anyone,
  'identity:list_registered_limits': anyone,
  'identity:create_registered_limits': admin,
  'identity:update_registered_limit': admin,
  'identity:delete_registered_limit': admin,
  'identity:list_revoke_events': service,
  'identity:get_role': '(rule:admin_required or (role:reader and system_scope:all)) or (role:manager and rule:domain_managed_target_role)',
  'identity:list_roles': '(rule:admin_required or (role:reader and system_scope:all)) or (role:manager and not domain_id:None)',
  'identity:create_role': admin,
  'identity:update_role': admin,
  'identity:delete_role': admin,
  'identity:get_domain_role': reader,
  'identity:list_domain_roles': reader,
  'identity:create_domain_role': admin,
  'identity:update_domain_role': admin,
  'identity:delete_domain_role': admin,
  'identity:list_role_assignments': readerOfDomain,
  'identity:list_role_assignments_for_tree': readerOfDomain,
  'identity:ec2tokens_validate': service,
  'identity:s3tokens_validate': service,
  'identity:revocation_list': service,
  'identity:get_service': reader,
  'identity:list_services': reader,
  'identity:create_service': admin,
  'identity:update_service': admin,
  'identity:delete_service': admin,
  'identity:check_token': 'rule:admin_required or (role:reader and system_scope:all) or rule:token_subject',
  'identity:validate_token': 'rule:admin_required or (role:reader and system_scope:all) or rule:service_role or rule:token_subject',
  'identity:revoke_token': subject,
  'identity:create_trust': 'user_id:%(target.trust.trustor_user_id)s',
  'identity:list_trusts': reader,
  'identity:list_trusts_for_trustor': '(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustor_user_id)s)',
  'identity:list_trusts_for_trustee': '(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustee_user_id)s)',
  'identity:list_roles_for_trust': partyOfTrust,
  'identity:get_role_for_trust': partyOfTrust,
  'identity:delete_trust': 'rule:admin_required or user_id:%(target.trust.trustor_user_id)s',
  'identity:get_trust': partyOfTrust,
  'identity:get_user': '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and token.domain.id:%(target.user.domain_id)s) or user_id:%(target.user.id)s',
  'identity:list_users': readerOfDomain,
  'identity:list_projects_for_user': anyone,
  'identity:list_domains_for_user': anyone,
  'identity:create_user': managerOfUser,
  'identity:update_user': managerOfUser,
  'identity:delete_user': managerOfUser,
};

/** Upstream's `scope_types`: for tokens of a system or a project, save these. */
const forDomainsToo = [
  'get_credential', 'list_credentials', 'create_credential', 'update_credential', 'delete_credential', 'get_domain', 'list_domains',
  'get_security_compliance_domain_config', 'ec2tokens_validate', 'check_grant', 'list_grants', 'create_grant', 'revoke_grant', 'get_group',
  'list_groups', 'list_groups_for_user', 'create_group', 'update_group', 'delete_group', 'list_users_in_group', 'remove_user_from_group',
  'check_user_in_group', 'add_user_to_group', 'get_limit_model', 'get_limit', 'list_limits', 'get_project', 'list_projects', 'list_user_projects',
  'create_project', 'update_project', 'delete_project', 'list_project_tags', 'get_project_tag', 'update_project_tags', 'create_project_tag',
  'delete_project_tags', 'delete_project_tag', 'get_region', 'list_regions', 'get_registered_limit', 'list_registered_limits', 'get_role',
  'list_roles', 'list_role_assignments', 'list_role_assignments_for_tree', 's3tokens_validate', 'check_token', 'validate_token', 'revoke_token',
  'get_user', 'list_users', 'create_user', 'update_user', 'delete_user',
];
const forProjectsAlone = [
  'authorize_request_token', 'get_access_token', 'get_access_token_role', 'list_access_tokens', 'list_access_token_roles', 'delete_access_token',
  'create_application_credential', 'create_trust',
];
/** For whoever asks about themselves, with any token. */
const forAll = ['get_auth_catalog', 'get_auth_projects', 'get_auth_domains', 'get_auth_system', 'list_projects_for_user', 'list_domains_for_user'];

export const scopeTypes: Readonly<Record<string, readonly ('system' | 'domain' | 'project')[]>> = {
  ...Object.fromEntries(Object.keys(policy).filter((rule) => rule.startsWith('identity:')).map((rule) => [rule, ['system', 'project']])),
  ...of(forDomainsToo, ['system', 'domain', 'project']),
  ...of(forProjectsAlone, ['project']),
  ...of(forAll, ['system', 'domain', 'project']),
};

function of(names: readonly string[], types: readonly ('system' | 'domain' | 'project')[]) {
  return Object.fromEntries(names.map((name) => [`identity:${name}`, types]));
}
