import { obey, shutDown } from './server-actions.workflow.ts';
import { actionWorkflow } from './server-steps.ts';

export const rescueServerWorkflow = actionWorkflow('server.rescue', [shutDown, obey('start it from the other image')], {
  done: { vmState: 'rescued', adminPass: null },
  event: 'server.rescue.end',
  putBack: (server) => Promise.resolve({ rescue: null, bootEpoch: server.bootEpoch + 1, adminPass: null }),
});

export const unrescueServerWorkflow = actionWorkflow('server.unrescue', [shutDown, obey('start it from its own disk')], { done: { vmState: 'active' }, event: 'server.unrescue.end', onFailure: 'error' });
