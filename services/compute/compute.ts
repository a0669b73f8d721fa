/** Compute as one service. */
import { compute } from '../../contract/compute/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { Made, RegionParts } from '../parts.ts';
import { observeHosts } from '../placement/placement.ts';
import { aggregates } from './aggregates.api.ts';
import { usageAudits } from './audit-log.api.ts';
import { attachInterfaceWorkflow, attachVolumeWorkflow, detachInterfaceWorkflow, detachVolumeWorkflow } from './devices.workflow.ts';
import { extensions } from './extensions.ts';
import { externalEventsApi } from './external-events.api.ts';
import { floatingIpPools, floatingIpProxies } from './floating-ip-proxies.api.ts';
import { flavorAccess, flavorExtraSpecs, flavorsApi } from './flavors.api.ts';
import { ensureFirstFlavors } from './flavors.ts';
import { hosts } from './hosts.api.ts';
import { imageMetadataProxies, imageProxies } from './image-proxies.api.ts';
import { keyPairsApi } from './key-pairs.api.ts';
import { migrations, serverMigrations } from './migrations.api.ts';
import { limits, quotaClasses, quotaSets, usages } from './project.api.ts';
import { reconcileServers } from './reconcile.ts';
import { availabilityZones, hypervisors, services } from './region.api.ts';
import { securityGroupProxies, securityGroupRuleProxies } from './security-group-proxies.api.ts';
import { removed } from './removed.api.ts';
import { serverActionsApi } from './server-actions.api.ts';
import {
  hardRebootWorkflow,
  pauseServerWorkflow,
  rebuildServerWorkflow,
  resizeServerWorkflow,
  resumeServerWorkflow,
  revertResizeWorkflow,
  softRebootWorkflow,
  startServerWorkflow,
  stopServerWorkflow,
  suspendServerWorkflow,
  unpauseServerWorkflow,
} from './server-actions.workflow.ts';
import { createBackupWorkflow, createImageWorkflow } from './server-images.workflow.ts';
import { evacuateServerWorkflow, liveMigrateServerWorkflow, migrateServerWorkflow, revertMigrationWorkflow } from './server-moves.workflow.ts';
import { rescueServerWorkflow, unrescueServerWorkflow } from './server-rescue.workflow.ts';
import { shelveServerWorkflow, unshelveServerWorkflow } from './server-shelving.workflow.ts';
import { refreshServerWorkflow } from './server-steps.ts';
import { serverGroups } from './server-groups.api.ts';
import { consoleTokens, instanceActions, serverAddresses, serverConsoles, serverDiagnostics, serverInterfacesApi, serverMetadataApi, serverPassword, serverSecurityGroups, serverTags, serverTopology, serverVolumesApi } from './server-parts.api.ts';
import { serversApi } from './servers.api.ts';
import { serverInvariants } from './servers.invariants.ts';
import { createServerWorkflow, deleteServerWorkflow } from './servers.workflow.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

const workflows = [
  createServerWorkflow,
  deleteServerWorkflow,
  startServerWorkflow,
  stopServerWorkflow,
  softRebootWorkflow,
  hardRebootWorkflow,
  pauseServerWorkflow,
  unpauseServerWorkflow,
  suspendServerWorkflow,
  resumeServerWorkflow,
  refreshServerWorkflow,
  resizeServerWorkflow,
  revertResizeWorkflow,
  rebuildServerWorkflow,
  createImageWorkflow,
  createBackupWorkflow,
  migrateServerWorkflow,
  revertMigrationWorkflow,
  liveMigrateServerWorkflow,
  evacuateServerWorkflow,
  rescueServerWorkflow,
  unrescueServerWorkflow,
  shelveServerWorkflow,
  unshelveServerWorkflow,
  attachVolumeWorkflow,
  detachVolumeWorkflow,
  attachInterfaceWorkflow,
  detachInterfaceWorkflow,
];

export function makeCompute(parts: RegionParts): Made {
  return {
    implementation: implementService(compute, parts.database, {
      servers: serversApi(parts),
      serverActions: serverActionsApi(parts, parts.driver),
      serverMetadata: serverMetadataApi(parts),
      serverVolumes: serverVolumesApi(parts),
      serverInterfaces: serverInterfacesApi(parts),
      serverAddresses,
      serverSecurityGroups,
      instanceActions,
      serverTags,
      serverConsoles,
      consoleTokens,
      serverDiagnostics,
      serverTopology,
      serverPassword,
      serverGroups,
      flavors: flavorsApi(parts),
      flavorExtraSpecs,
      flavorAccess,
      keyPairs: keyPairsApi(parts),
      limits,
      quotaSets,
      quotaClasses,
      usages,
      availabilityZones,
      aggregates,
      hosts,
      migrations,
      serverMigrations,
      externalEvents: externalEventsApi(parts),
      usageAudits,
      removed,
      hypervisors,
      services,
      extensions,
      imageProxies,
      imageMetadataProxies,
      securityGroupProxies,
      securityGroupRuleProxies,
      floatingIpProxies,
      floatingIpPools,
    }),
    workflows,
    schedules: [reconcileServers],
    invariants: serverInvariants(parts),
  };
}

/** Flavors that people know, and the hosts that there are, so that the first server need not wait. Repeating it changes nothing. */
export async function bootstrapCompute(parts: RegionParts): Promise<void> {
  await parts.database.transaction({ kind: 'system', reason: 'the first flavors' }, (tx) => ensureFirstFlavors(tx, parts.clock.now()));
  await observeHosts(parts);
}
