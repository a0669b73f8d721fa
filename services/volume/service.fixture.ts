/** For tests: the service behind its door, with people who ask for things. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Faults } from '../../drivers/simulated/simulated.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { createDoor } from '../../kit/http/serve.ts';
import type { FaultPoint } from '../../kit/workflow/execution.ts';
import { volumeFixture } from './volume.fixture.ts';

export async function startService(t: TestContext, faults?: Faults, workflowFaults?: (point: FaultPoint) => void) {
  const { parts, simulation, implementations, idle, findings } = await volumeFixture(t, { faults, workflowFaults });
  const callers = { alice: callerOf('alice'), bob: callerOf('bob'), admin: { ...callerOf('admin'), isAdmin: true } };
  const door = createDoor({ implementations, authenticate: (token) => callers[token as keyof typeof callers], clock: parts.clock, random: parts.random, log: parts.log });
  t.after(() => door.drain());

  /** What happens to the items of a list, as alice is told. */
  async function watch(path: string) {
    const address = await door.listen({ host: '127.0.0.1', port: 0 });
    const response = await fetch(`${address}${path}`, { headers: { 'x-auth-token': 'alice', accept: 'text/event-stream', 'openstack-api-version': 'volume 3.44' } });
    const lines = linesOf(response);
    assert.equal((await lines.next()).value, ': watching');
    const next = async (field: string): Promise<string> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error('The watch ended');
        if (value.startsWith(`${field}: `)) return value.slice(field.length + 2);
      }
    };
    return { end: () => lines.return(undefined), next: async () => ({ type: await next('event'), shown: JSON.parse(await next('data')) as Record<string, unknown> }) };
  }

  const as = (token: keyof typeof callers, prefix = `/volume/v3/${token}-project`) => async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object, version?: string) => {
    const response = await door.app.inject({
      method,
      url: `${prefix}${path}`,
      headers: { accept: 'application/json', 'x-auth-token': token, ...(version === undefined ? {} : { 'openstack-api-version': `volume ${version}` }) },
      ...(body === undefined ? {} : { payload: body }),
    });
    return { status: response.statusCode, body: response.body === '' ? undefined : response.json() };
  };
  return {
    parts,
    simulation,
    callers,
    alice: as('alice'),
    bob: as('bob'),
    admin: as('admin'),
    images: as('alice', '/image/v2'),
    watch,
    idle,
    findings,
  };
}

function callerOf(name: string): Caller {
  return { userId: name, userName: name, userDomainId: 'default', projectId: `${name}-project`, projectName: name, projectDomainId: 'default', domainId: null, system: false, roles: new Set(['member', 'reader']), isAdmin: false, token: name, expiresAt: new Date('2100-01-01') };
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter(Boolean);
  }
}
