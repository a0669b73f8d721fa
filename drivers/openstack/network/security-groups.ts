/** A security group with exactly its rules. */
import { DriverError, type SecurityGroupSpec } from '../../driver.ts';
import { unless } from '../refusals.ts';
import type { Names, NetworkKind } from './kind.ts';
import { only } from './networks.ts';
import { canonical, type Facts, type Remote } from './observation.ts';

type Rule = SecurityGroupSpec['rules'][number];

export const securityGroups: NetworkKind<SecurityGroupSpec> = {
  collection: 'securityGroups',
  alsoSeen: [],
  // Groups that name one another are made before their rules.
  needs: () => [],
  wanted: ({ stateful }) => ({ once: {}, changeable: { stateful } }),
  shown: ({ stateful = true }) => ({ stateful }),
  body: ({ stateful }, _, fields) => only(fields, { stateful }),
  async create({ network }, { stateful, ...body }) {
    // Not every cloud knows the word: it is said only where it matters.
    const group = stateful === false ? { ...body, stateful } : body;
    return (await network.securityGroups.create({ body: { security_group: group } })).body.security_group?.id ?? '';
  },
  update: async ({ network }, id, body) => void (await network.securityGroups.update({ params: { security_group_id: id }, body: { security_group: body } })),
  remove: async ({ services: { network } }, id) => void (await network.securityGroups.delete({ params: { security_group_id: id } }).catch(unless(404))),
  parts: {
    async ensure({ services: { network }, seen, names }, { id: ours, rules, log }, groupId) {
      // A group that was just made has rules that nobody asked for.
      const shown = seen.securityGroups.find(({ id }) => id === groupId) ?? ((await network.securityGroups.show({ params: { security_group_id: groupId } })).body.security_group as unknown as Remote);
      const wanted = new Map(rules.map((rule) => [canonical(factsOf(rule, names)), factsOf(rule, names)]));
      const there = new Map(rulesOf(shown).map((rule) => [canonical(shownRule(rule)), String(rule['id'])]));
      for (const [name, id] of there) if (!wanted.has(name)) await network.securityGroupRules.delete({ params: { rule_id: id } }).catch(unless(404));
      for (const [name, facts] of wanted)
        if (!there.has(name)) await network.securityGroupRules.create({ body: { security_group_rule: { ...facts, security_group_id: groupId } as Facts & { security_group_id: string; direction: 'ingress' } } }).catch(unless(409));
      // Refused when its rules are in force: a log that nobody writes is no reason to let in what was forbidden.
      if (log) throw new DriverError('invalid', `What the security group ${ours} lets pass is to be logged, which this partner cannot be asked for`);
    },
    compare({ seen, names }, { rules, log }, groupId) {
      const shown = seen.securityGroups.find(({ id }) => id === groupId);
      const wanted = new Set(rules.map((rule) => canonical(factsOf(rule, names))));
      const there = new Set(rulesOf(shown).map((rule) => canonical(shownRule(rule))));
      return [...[...wanted].filter((name) => !there.has(name)).map((name) => `the rule ${name} is missing`), ...[...there].filter((name) => !wanted.has(name)).map((name) => `the rule ${name} is unwanted`), ...(log ? ['its log is not written here'] : [])];
    },
  },
};

function rulesOf(group: Remote | undefined): Facts[] {
  return (group?.['security_group_rules'] as Facts[] | undefined) ?? [];
}

/** By what it says: which id it has there does not matter. */
function factsOf({ direction, version, protocol, portMin, portMax, remote }: Rule, names: Names): Facts {
  return {
    direction, ethertype: version === 4 ? 'IPv4' : 'IPv6', protocol, port_range_min: portMin, port_range_max: portMax,
    remote_ip_prefix: remote.kind === 'cidr' ? remote.cidr : null,
    remote_group_id: remote.kind === 'group' ? (names.get('security-group', remote.id) ?? remote.id) : null,
  };
}

function shownRule({ direction, ethertype, protocol, port_range_min, port_range_max, remote_ip_prefix, remote_group_id }: Facts): Facts {
  return { direction, ethertype, protocol, port_range_min, port_range_max, remote_ip_prefix, remote_group_id };
}
