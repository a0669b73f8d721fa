/** Network, as neutron answers it too. */
import { nameOf, noun, pick, type Case, type Ground, type NounShape, type Suite } from '../cases.ts';
import type { Endpoint } from '../endpoint.ts';

const ofMine = (ground: Ground) => `?network_id=${pick(ground, 'lan')}&limit=20`;
const change = (index: number) => ({ description: `changed ${index}` });

/** Neutron changes by PUT. */
function neutron(shape: NounShape): Case[] {
  return noun(shape).map((each) => ({ ...each, ask: (ground: Ground, index: number) => putFor(each.ask(ground, index)) }));
}

function putFor<T extends { method: string }>(asked: T): T {
  return asked.method === 'PATCH' ? { ...asked, method: 'PUT' } : asked;
}

export const network: Suite = {
  service: 'network',
  database: 'intercloud_region',
  prepare,
  reads: [],
  fill: [],
  cases: [
    ...neutron({ noun: 'network', path: '/networks', key: 'network', wish: (_, index) => ({ name: nameOf('network', index) }), change, list: { of: 'by name', query: (ground) => `?name=${pick(ground, 'lan name')}` } }),
    ...neutron({ noun: 'port', path: '/ports', key: 'port', wish: (ground, index) => ({ name: nameOf('port', index), network_id: pick(ground, 'lan') }), change, list: { of: '20 of a network', query: ofMine } }),
    ...neutron({ noun: 'security group', path: '/security-groups', key: 'security_group', wish: (_, index) => ({ name: nameOf('group', index) }), change, list: { of: 'by name', query: () => '?name=default' } }),
  ],
  clear,
};

async function prepare({ ask, token }: Endpoint): Promise<Ground> {
  const { body } = await ask<{ token: { project: { id: string } } }>('identity', 'GET', '/auth/tokens', undefined, { 'x-subject-token': token });
  // As many as may be made, which is no measure of speed.
  await ask('network', 'PUT', `/quotas/${body.token.project.id}`, { quota: { port: -1, network: -1, security_group: -1, security_group_rule: -1 } });
  const name = nameOf('lan', 0);
  const { network: made } = (await ask<{ network: { id: string } }>('network', 'POST', '/networks', { network: { name } })).body;
  await ask('network', 'POST', '/subnets', { subnet: { network_id: made.id, cidr: '10.68.0.0/16', ip_version: 4 } });
  return { lan: [made.id], 'lan name': [name] };
}

async function clear({ ask }: Endpoint, ground: Ground): Promise<void> {
  await ask('network', 'DELETE', `/networks/${pick(ground, 'lan')}`);
}
