import { meteringLabelRules as ruleContract, meteringLabels as contract } from '../../contract/network/metering.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf } from './listing.ts';
import { createLabel, createLabelRule, deleteLabel, deleteLabelRule, labelListing, labelNoun, labelRuleListing, labelRuleNoun, type MeteringLabel, type MeteringRule } from './metering.ts';
import { getRow, selectRows } from './noun.ts';

export const meteringLabels = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, labelListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'metering_labels', page, await selectRows(request.tx, labelNoun, page.tail), shown);
  },
  async create(request) {
    if (request.body.metering_label) return { metering_label: shown(await createLabel(request, request.body.metering_label)) };
    const made: MeteringLabel[] = [];
    for (const wish of request.body.metering_labels ?? []) made.push(await createLabel(request, wish));
    return { metering_labels: made.map(shown) };
  },
  show: async (request) => ({ metering_label: chosen(shown(await getRow(request, labelNoun, request.params.label_id)), request.query.fields) }),
  async delete(request) {
    await deleteLabel(request, request.params.label_id);
    return undefined;
  },
});

export const meteringLabelRules = implement(ruleContract, {
  async list(request) {
    const page = await pageOf(request.tx, labelRuleListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'metering_label_rules', page, await selectRows(request.tx, labelRuleNoun, page.tail), shownRule);
  },
  async create(request) {
    if (request.body.metering_label_rule) return { metering_label_rule: shownRule(await createLabelRule(request, request.body.metering_label_rule)) };
    const made: MeteringRule[] = [];
    for (const wish of request.body.metering_label_rules ?? []) made.push(await createLabelRule(request, wish));
    return { metering_label_rules: made.map(shownRule) };
  },
  show: async (request) => ({ metering_label_rule: chosen(shownRule(await getRow(request, labelRuleNoun, request.params.rule_id)), request.query.fields) }),
  async delete(request) {
    await deleteLabelRule(request, request.params.rule_id);
    return undefined;
  },
});

const shown = (label: MeteringLabel) => ({ ...label, tenant_id: label.project_id });
const shownRule = ({ project_id: _project, ...rule }: MeteringRule) => rule;
