/** Every step of every action is failed in turn: the server is usable or says why not, and all sums are right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { makeCompute } from './compute.ts';

type Action = { name: string; prepare?: (about: About) => Promise<unknown>; act: (about: About) => Promise<unknown>; workflow: string };
type About = { cloud: TestCloud; serverId: string; volumeId: string; networkId: string };

const params = ({ serverId }: About) => ({ server_id: serverId });
const attach = ({ cloud, serverId, volumeId }: About) => cloud.alice.compute.serverVolumes.attach({ params: { server_id: serverId }, body: { volumeAttachment: { volumeId } } });
const plug = ({ cloud, serverId, networkId }: About) => cloud.alice.compute.serverInterfaces.attach({ params: { server_id: serverId }, body: { interfaceAttachment: { net_id: networkId } } });
const stop = (about: About) => about.cloud.alice.compute.serverActions.stop({ params: params(about), body: { 'os-stop': null } });
const resize = (about: About) => about.cloud.alice.compute.serverActions.resize({ params: params(about), body: { resize: { flavorRef: '2' } } });

const actions: Action[] = [
  { name: 'stop', workflow: 'server.stop', act: stop },
  { name: 'start', workflow: 'server.start', prepare: stop, act: (about) => about.cloud.alice.compute.serverActions.start({ params: params(about), body: { 'os-start': null } }) },
  { name: 'restart softly', workflow: 'server.reboot-soft', act: (about) => about.cloud.alice.compute.serverActions.reboot({ params: params(about), body: { reboot: { type: 'SOFT' } } }) },
  { name: 'restart by force', workflow: 'server.reboot-hard', act: (about) => about.cloud.alice.compute.serverActions.reboot({ params: params(about), body: { reboot: { type: 'HARD' } } }) },
  { name: 'pause', workflow: 'server.pause', act: (about) => about.cloud.alice.compute.serverActions.pause({ params: params(about), body: { pause: null } }) },
  { name: 'suspend', workflow: 'server.suspend', act: (about) => about.cloud.alice.compute.serverActions.suspend({ params: params(about), body: { suspend: null } }) },
  { name: 'resize', workflow: 'server.resize', act: resize },
  { name: 'revert its resize', workflow: 'server.resize-revert', prepare: resize, act: (about) => about.cloud.alice.compute.serverActions.revertResize({ params: params(about), body: { revertResize: null } }) },
  { name: 'rebuild', workflow: 'server.rebuild', act: (about) => about.cloud.alice.compute.serverActions.rebuild({ params: params(about), body: { rebuild: { imageRef: about.cloud.imageId } } }) },
  { name: 'become an image', workflow: 'server.create-image', act: (about) => about.cloud.alice.compute.serverActions.createImage({ params: params(about), body: { createImage: { name: 'snap' } } }) },
  { name: 'get a volume', workflow: 'server.attach-volume', act: attach },
  { name: 'give a volume back', workflow: 'server.detach-volume', prepare: attach, act: (about) => about.cloud.alice.compute.serverVolumes.detach({ params: { ...params(about), volume_id: about.volumeId } }) },
  { name: 'get an interface', workflow: 'server.attach-interface', act: plug },
  {
    name: 'give an interface back',
    workflow: 'server.detach-interface',
    prepare: plug,
    async act(about) {
      const { interfaceAttachments } = (await about.cloud.alice.compute.serverInterfaces.list({ params: params(about) })).body;
      await about.cloud.alice.compute.serverInterfaces.detach({ params: { ...params(about), port_id: interfaceAttachments[1]?.port_id ?? '' } });
    },
  },
];

for (const { name, workflow, prepare, act } of actions)
  test(`a server that fails to ${name} is left whole, whichever step fails`, async (t) => {
    let failing: string | undefined;
    let failed = 0;
    const cloud = await startCloud(t, {
      workflowFaults: (point) => {
        if (point.workflow !== workflow || point.step !== failing || point.phase !== 'after-effect') return;
        failed++;
        throw Object.assign(new Error('broken by the test'), { retryable: false });
      },
    });
    const { alice } = cloud;
    const { body } = await alice.network.networks.create({ body: { network: { name: 'private' } } });
    assert.ok('network' in body);
    const networkId = body.network?.id ?? '';
    await alice.network.subnets.create({ body: { subnet: { network_id: networkId, ip_version: 4, cidr: '10.1.0.0/24' } } });
    const steps = makeCompute(cloud.cloud.region).workflows.find((each) => each.name === workflow)?.steps.map((step) => step.name) ?? [];
    assert.ok(steps.length > 0);

    for (const step of steps) {
      failing = undefined;
      const volumeId = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume.id;
      const made = (await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: cloud.imageId } } })).body;
      assert.ok('server' in made);
      const about = { cloud, serverId: made.server.id, volumeId, networkId };
      await cloud.settle();
      await prepare?.(about);
      await cloud.settle();
      failing = step;
      await act(about);
      await cloud.settle();

      const { server } = (await alice.compute.servers.show({ params: params(about) })).body;
      assert.equal(server['OS-EXT-STS:task_state'], null, `after "${step}"`);
      assert.ok(server.status !== 'ERROR' || server.fault !== undefined, `after "${step}"`);
      assert.deepEqual(await cloud.diagnose(), [], `after "${step}"`);
      failing = undefined;
      await alice.compute.servers.delete({ params: params(about) });
      await cloud.settle();
      assert.deepEqual(await cloud.driver.servers.list(), [], `after "${step}"`);
      assert.deepEqual(await cloud.diagnose(), [], `after "${step}" and deletion`);
    }
    assert.equal(failed, steps.length);
  });
