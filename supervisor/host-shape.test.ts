import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostShapeOf, shapeForm, usualHost } from './host-shape.ts';

test('a simulated host is made of what is said of it, and else as usual', () => {
  assert.deepEqual(hostShapeOf(shapeForm), { ...usualHost, numaCells: 2, ownVcpus: 16, devices: { gpu: 2 } });
  assert.deepEqual(hostShapeOf('memory=1024, device.a100=4,device.nic=1'), { ...usualHost, memoryMiB: 1_024, devices: { a100: 4, nic: 1 } });
  for (const text of ['', 'cells', 'colour=1', 'vcpus=0', 'vcpus=7,cells=2', 'cells=2,own=65', 'cells=2,own=3', 'own=4']) assert.equal(hostShapeOf(text), undefined, text);
});
