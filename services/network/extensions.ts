/**
 * What is promised beyond networks, subnets and ports. Clients decide by this list what to send, so it
 * names only what is wholly here; names and dates are those of neutron-lib's definitions.
 */
const extension = (alias: string, name: string, description: string, updated: string) => ({ alias, name, description, updated: `${updated}T10:00:00-00:00` });

export const extensions = [
  extension('address-scope', 'Address scope', 'Address scopes extension.', '2015-07-26'),
  extension('allowed-address-pairs', 'Allowed Address Pairs', 'Provides allowed address pairs', '2013-07-23'),
  extension('binding', 'Port Binding', 'Expose port bindings of a virtual port to external application', '2014-02-03'),
  extension('ext-gw-mode', 'Neutron L3 Configurable external gateway mode', 'Extension of the router abstraction for specifying whether SNAT should occur on the external gateway', '2013-03-28'),
  extension('external-net', 'Neutron external network', 'Adds external network attribute to network resource.', '2013-01-14'),
  extension('extraroute', 'Neutron Extra Route', 'Extra routes configuration for L3 router', '2013-02-01'),
  extension('extraroute-atomic', 'Atomically add/remove extra routes', 'Edit extra routes of a router on server side by atomically adding/removing extra routes', '2019-07-10'),
  extension('filter-validation', 'Filter parameters validation', 'Provides validation on filter parameters.', '2018-03-21'),
  extension('fip-port-details', 'Floating IP Port Details Extension', 'Add port_details attribute to Floating IP resource', '2018-04-09'),
  extension('ip-substring-filtering', 'IP address substring filtering', 'Provides IP address substring filtering when listing ports', '2017-11-28'),
  extension('net-mtu', 'Network MTU', 'Provides MTU attribute for a network resource.', '2015-03-25'),
  extension('net-mtu-writable', 'Network MTU (writable)', 'Provides a writable MTU attribute for a network resource.', '2017-07-12'),
  extension('pagination', 'Pagination support', 'Extension that indicates that pagination is enabled.', '2016-06-12'),
  extension('port-security', 'Port Security', 'Provides port security', '2012-07-23'),
  extension('project-id', 'project_id field enabled', 'Extension that indicates that project_id field is enabled.', '2016-09-09'),
  extension('provider', 'Provider Network', 'Expose mapping of virtual networks to physical networks', '2012-09-07'),
  extension('quota_details', 'Quota details management support', 'Expose functions for quotas usage statistics per project', '2017-02-10'),
  extension('quotas', 'Quota management support', 'Expose functions for quotas management per project', '2012-07-29'),
  extension('rbac-address-scope', 'Add address_scope type to RBAC', 'Add address_scope type to RBAC', '2020-02-12'),
  extension('rbac-policies', 'RBAC Policies', 'Allows creation and modification of policies that control tenant access to resources.', '2015-06-17'),
  extension('rbac-security-groups', 'Add security_group type to network RBAC', 'Add security_group type to networking rbac', '2018-12-31'),
  extension('rbac-subnetpool', 'Add subnetpool type to RBAC', 'Add subnetpool type to RBAC', '2020-02-07'),
  extension('router', 'Neutron L3 Router', 'Router abstraction for basic L3 forwarding between L2 Neutron networks and access to external networks via a NAT gateway.', '2012-07-20'),
  extension('security-group', 'security-group', 'The security groups extension.', '2012-10-05'),
  extension('security-groups-normalized-cidr', 'Normalized CIDR field for security group rules', 'Add new field with normalized remote_ip_prefix cidr in SG rule', '2019-08-08'),
  extension('security-groups-rules-belongs-to-default-sg', "Security group rule belongs to the project's default security group", 'Flag to determine if the security group rule belongs to the project\'s default security group', '2022-11-30'),
  extension('security-groups-shared-filtering', 'Security group filtering on the shared field', 'Support filtering security groups on the shared field', '2021-10-05'),
  extension('sorting', 'Sorting support', 'Extension that indicates that sorting is enabled.', '2016-06-12'),
  extension('standard-attr-description', 'standard-attr-description', 'Extension to add descriptions to standard attributes', '2016-02-10'),
  extension('standard-attr-revisions', 'Resource revision numbers', 'This extension will display the revision number of neutron resources.', '2016-04-11'),
  extension('standard-attr-tag', 'Tag support for resources with standard attribute: network, subnet, port, router, floatingip, security_group, subnetpool', 'Enables to set tag on resources with standard attribute.', '2017-01-01'),
  extension('standard-attr-timestamp', 'Resource timestamps', 'Adds created_at and updated_at fields to all Neutron resources that have Neutron standard attributes.', '2016-09-12'),
  extension('stateful-security-group', 'Stateful security group', 'Indicates if the security group is stateful or not', '2019-11-26'),
  extension('subnet_allocation', 'Subnet Allocation', 'Enables allocation of subnets from a subnet pool', '2015-03-30'),
  extension('default-subnetpools', 'Default Subnetpools', 'Provides ability to mark and use a subnetpool as the default.', '2016-02-18'),
  extension('subnet-external-network', 'Subnet belongs to an external network', 'Informs if the subnet belongs to an external network', '2021-09-22'),
] as const;
