/** By which labels traffic through routers' ways out is counted: neutron/db/metering/metering_db.py, neutron/services/metering/metering_plugin.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { formatBlock, overlap, parseAddress, parseBlock } from './addresses.ts';
import { isElsewhere } from './agents.ts';
import { mark, tell } from './changes.ts';
import { byBoolean, byText, byTextOrNothing, type Listing } from './listing.ts';
import { projectsWithLabels, routersUnder, rulesOfLabel, rulesOver, type MeteringRule } from './metering.store.ts';
import { deleteRow, getRow, insertRow, lockedRow, type Noun } from './noun.ts';
import { ownerOf } from './owners.ts';
import { countersFor } from './traffic-counters.ts';

export type { MeteringRule } from './metering.store.ts';
export type MeteringLabel = { id: string; project_id: string; name: string; description: string; shared: boolean };
export type LabelWish = { project_id?: string; tenant_id?: string; name?: string; description?: string; shared?: boolean };
type Prefixes = { remote_ip_prefix?: string | null; source_ip_prefix?: string | null; destination_ip_prefix?: string | null };
export type LabelRuleWish = Prefixes & { project_id?: string; tenant_id?: string; metering_label_id: string; direction: 'ingress' | 'egress'; excluded?: boolean };

export const labelNoun: Noun<MeteringLabel> = {
  resource: 'metering_label',
  table: sql`network.metering_label`,
  columns: sql`r.id, r.project_id, r.name, r.description, r.shared`,
  notThere: (id) => notFound(`Metering label '${id}' does not exist.`, 'MeteringLabelNotFound'),
};

export const labelRuleNoun: Noun<MeteringRule> = {
  resource: 'metering_label_rule',
  table: sql`network.metering_label_rule`,
  columns: sql`r.id, r.project_id, r.metering_label_id, r.direction, r.excluded, r.remote_ip_prefix, r.source_ip_prefix, r.destination_ip_prefix`,
  notThere: (id) => notFound(`Metering label rule '${id}' does not exist.`, 'MeteringLabelRuleNotFound'),
};

export const labelListing: Listing = {
  collection: 'metering_labels',
  table: labelNoun.table,
  filters: { id: byText(sql`r.id`), name: byText(sql`r.name`), description: byText(sql`r.description`), project_id: byText(sql`r.project_id`), tenant_id: byText(sql`r.project_id`), shared: byBoolean(sql`r.shared`) },
  sorts: { id: sql`r.id`, name: sql`r.name`, description: sql`r.description`, project_id: sql`r.project_id`, tenant_id: sql`r.project_id`, shared: sql`r.shared` },
};

const prefixNames = ['remote_ip_prefix', 'source_ip_prefix', 'destination_ip_prefix'] as const;

export const labelRuleListing: Listing = {
  collection: 'metering_label_rules',
  table: labelRuleNoun.table,
  filters: {
    id: byText(sql`r.id`), metering_label_id: byText(sql`r.metering_label_id`), direction: byText(sql`r.direction`), excluded: byBoolean(sql`r.excluded`),
    ...Object.fromEntries(prefixNames.map((each) => [each, byTextOrNothing(sql`r.${sql.ident(each)}`)])),
  },
  sorts: {
    id: sql`r.id`, metering_label_id: sql`r.metering_label_id`, direction: sql`r.direction`, excluded: sql`r.excluded`,
    ...Object.fromEntries(prefixNames.map((each) => [each, sql`coalesce(r.${sql.ident(each)}, '')`])),
  },
};

/** Each is one that every host looks at for every packet that leaves. */
const mostCounters = 500;

export async function createLabel(context: Context, wish: LabelWish): Promise<MeteringLabel> {
  const { tx, now, random } = context;
  const project_id = ownerOf(context, wish);
  await demandCounting(context);
  const id = random.uuid();
  await insertRow(tx, labelNoun, { id, project_id, name: wish.name ?? '', description: wish.description ?? '', shared: wish.shared ?? false, created_at: now });
  const label = await getRow(context, labelNoun, id);
  await tell(context, 'metering_label', 'create', label, { name: label.name });
  return label;
}

export async function deleteLabel(context: Context, id: string): Promise<void> {
  const label = await lockedRow(context, labelNoun, id, 'delete');
  const rules = await rulesOfLabel(context.tx, id);
  await deleteRow(context.tx, labelNoun, id);
  for (const rule of rules) await tell(context, 'metering_label_rule', 'delete', rule);
  if (rules.length > 0) await markCounted(context, label);
  await tell(context, 'metering_label', 'delete', label, { name: label.name });
}

export async function createLabelRule(context: Context, wish: LabelRuleWish): Promise<MeteringRule> {
  const { tx, now, random } = context;
  ownerOf(context, wish);
  await demandCounting(context);
  const given = checkedPrefixes(wish);
  const label = await lockedRow(context, labelNoun, wish.metering_label_id, 'update');
  const rule = { id: random.uuid(), project_id: label.project_id, metering_label_id: label.id, direction: wish.direction, excluded: wish.excluded ?? false, ...given };
  await demandNoOverlap(context, rule);
  await insertRow(tx, labelRuleNoun, { ...rule, created_at: now });
  await demandFew(context, label);
  await markCounted(context, label);
  await tell(context, 'metering_label_rule', 'create', rule);
  return rule;
}

export async function deleteLabelRule(context: Context, id: string): Promise<void> {
  const rule = await lockedRow(context, labelRuleNoun, id, 'delete');
  const label = await getRow(context, labelNoun, rule.metering_label_id);
  await deleteRow(context.tx, labelRuleNoun, id);
  await markCounted(context, label);
  await tell(context, 'metering_label_rule', 'delete', rule);
}

/** A partner's cloud tells nobody what passes its routers. */
async function demandCounting(context: Context): Promise<void> {
  if (await isElsewhere(context)) throw conflict('Traffic is not counted in this region: it is a cloud of a partner, which does not tell what passes its routers.', 'MeteringNotSupported');
}

async function markCounted({ tx, now }: Context, label: MeteringLabel): Promise<void> {
  await mark(tx, now, 'router', await routersUnder(tx, label));
}

/** One that is shared counts at the routers of every project, beside what they have of their own. */
async function demandFew({ tx }: Context, label: MeteringLabel): Promise<void> {
  for (const projectId of label.shared ? [label.project_id, ...(await projectsWithLabels(tx))] : [label.project_id])
    if (countersFor(await rulesOver(tx, projectId)).length > mostCounters) throw conflict(`Too many metering label rules: together they ask for more than ${mostCounters} counters at a router.`, 'TooManyMeteringLabelRules');
}

async function demandNoOverlap({ tx }: Context, rule: MeteringRule): Promise<void> {
  if (rule.remote_ip_prefix === null) return;
  const wanted = blockOf(rule.remote_ip_prefix)!;
  const others = (await rulesOfLabel(tx, rule.metering_label_id)).filter((other) => other.direction === rule.direction && other.excluded === rule.excluded && other.remote_ip_prefix !== null);
  if (others.some((other) => overlap(blockOf(other.remote_ip_prefix!)!, wanted)))
    throw conflict(`Metering label rule with remote_ip_prefix '${rule.remote_ip_prefix}' overlaps another.`, 'MeteringLabelRuleOverlaps');
}

function checkedPrefixes(wish: Prefixes): Pick<MeteringRule, (typeof prefixNames)[number]> {
  const given = { remote_ip_prefix: wish.remote_ip_prefix ?? null, source_ip_prefix: wish.source_ip_prefix ?? null, destination_ip_prefix: wish.destination_ip_prefix ?? null };
  const wrong = prefixNames.find((each) => given[each] !== null && blockOf(given[each]) === undefined);
  if (wrong) throw badRequest(`${wrong}: ${given[wrong]} is invalid ['${given[wrong]}' does not appear to be an IPv4 or IPv6 interface].`, 'Invalid');
  const { remote_ip_prefix: remote, source_ip_prefix: source, destination_ip_prefix: destination } = given;
  if (remote !== null && (source !== null || destination !== null)) throw badRequest("Cannot use 'remote-ip-prefix' in conjunction with 'source-ip-prefix' or 'destination-ip-prefix'.", 'Invalid');
  if (remote === null && source === null && destination === null)
    throw badRequest("You must define at least one of the following parameters 'remote_ip_prefix', or 'source_ip_prefix' or 'destination_ip_prefix'.", 'Invalid');
  if (source !== null && destination !== null && blockOf(source)!.version !== blockOf(destination)!.version) throw badRequest('source_ip_prefix and destination_ip_prefix must be of one IP version.', 'Invalid');
  // netaddr writes an address alone with its length.
  return { remote_ip_prefix: written(remote), source_ip_prefix: written(source), destination_ip_prefix: written(destination) };
}

const blockOf = (text: string) => parseBlock(text) ?? parseBlock(written(text));

function written(text: string): string;
function written(text: string | null): string | null;
function written(text: string | null): string | null {
  const address = text === null ? undefined : parseAddress(text);
  return address && text !== null ? formatBlock(parseBlock(`${text}/${address.version === 4 ? 32 : 128}`)!) : text;
}
