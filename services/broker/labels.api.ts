import { labels as contract } from '../../contract/intercloud/broker/labels.ts';
import { emit } from '../../kit/events/events.ts';
import { notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { listLabels, setLabels } from './labels.store.ts';
import { listRegions } from './regions.ts';

export const labels = implement(contract, {
  async list({ tx }) {
    return { labels: [...(await listLabels(tx))].map(([region, own]) => ({ region, labels: own })) };
  },
  async replace({ tx, params, body, now, requestId }) {
    const { region } = params;
    if (!(await listRegions(tx)).some(({ name }) => name === region)) throw notFound(`There is no region ${region}.`, 'region-not-found');
    await setLabels(tx, region, body.labels, now);
    await emit(tx, { now: () => now }, { type: 'label.update', resource: 'label', resourceId: region, requestId, payload: {} });
    return { region, labels: body.labels };
  },
});
