/** Compute as one service. */
import { compute } from '../../contract/compute/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { Made, RegionParts } from '../parts.ts';
import { observeHosts } from '../placement/placement.ts';
import { aggregates } from './aggregates.api.ts';
import { usageAudits } from './audit-log.api.ts';
import { evacuateFromDeadHosts } from './dead-hosts.ts';
import { attachInterfaceWorkflow, attachVolumeWorkflow, detachInterfaceWorkflow, detachVolumeWorkflow } from './devices.workflow.ts';
import { extensions } from './extensions.ts';
import { externalEventsApi } from './external-events.api.ts';
import { floatingIpPools, floatingIpProxies } from './floating-ip-proxies.api.ts';
import { flavorAccess, flavorExtraSpecs, flavorsApi } from './flavors.api.ts';
import { ensureFirstFlavors } from './flavors.ts';
import { hosts } from './hosts.api.ts';
import { imageMetadataProxies, imageProxies } from './image-proxies.api.ts';
import { keyPairsApi } from './key-pairs.api.ts';
import { migrations, serverMigrationsApi } from './migrations.api.ts';
import { limits, quotaClasses, quotaSets, usages } from './project.api.ts';
import { tellGuestsOfNetwork } from './network-news.ts';
import { noteGrownVolumes } from './volume-news.ts';
import { reconcileServers } from './reconcile.ts';
import { availabilityZones, hypervisors, services } from './region.api.ts';
import { securityGroupProxies, securityGroupRuleProxies } from './security-group-proxies.api.ts';
import { removed } from './removed.api.ts';
import { serverActionsApi } from './server-actions.api.ts';
import {
  hardRebootWorkflow,
  pauseServerWorkflow,
  rebuildServerWorkflow,
  rebuildVolumeServerWorkflow,
  resizeServerWorkflow,
  resumeServerWorkflow,
  revertResizeWorkflow,
  softRebootWorkflow,
  startServerWorkflow,
  stopServerWorkflow,
  suspendServerWorkflow,
  unpauseServerWorkflow,
} from './server-actions.workflow.ts';
import { consolePages } from './console-pages.ts';
import { consoleTokens, serverConsoles } from './consoles.api.ts';
import { consoleSocket } from './consoles.ts';
import { createBackupWorkflow, createImageWorkflow } from './server-images.workflow.ts';
import { abortLiveMigrationWorkflow, evacuateServerWorkflow, liveMigrateServerWorkflow, migrateServerWorkflow, revertMigrationWorkflow } from './server-moves.workflow.ts';
import { rescueServerWorkflow, unrescueServerWorkflow } from './server-rescue.workflow.ts';
import { shelveServerWorkflow, unshelveServerWorkflow } from './server-shelving.workflow.ts';
import { refreshServerWorkflow } from './server-steps.ts';
import { serverGroups } from './server-groups.api.ts';
import { instanceActions, serverAddresses, serverDiagnostics, serverInterfacesApi, serverMetadataApi, serverPassword, serverSecurityGroups, serverTags, serverTopology, serverVolumesApi } from './server-parts.api.ts';
import { networkProxies, tenantNetworkProxies } from './network-proxies.api.ts';
import { snapshotProxies, volumeProxies } from './storage-proxies.api.ts';
import { serverShares } from './server-shares.api.ts';
import { serversApi } from './servers.api.ts';
import { serverInvariants } from './servers.invariants.ts';
import { createServerWorkflow, deleteServerWorkflow } from './servers.workflow.ts';
import { ensureWorkers, sayThatWorkersWork } from './workers.ts';

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
  rebuildVolumeServerWorkflow,
  createImageWorkflow,
  createBackupWorkflow,
  migrateServerWorkflow,
  revertMigrationWorkflow,
  liveMigrateServerWorkflow,
  abortLiveMigrationWorkflow,
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
    implementation: {
      ...implementService(compute, parts.database, {
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
        serverShares,
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
        serverMigrations: serverMigrationsApi(parts),
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
        networkProxies,
        tenantNetworkProxies,
        volumeProxies,
        snapshotProxies,
      }),
      pages: consolePages(),
      sockets: [consoleSocket(parts)],
    },
    workflows,
    schedules: [tellGuestsOfNetwork, noteGrownVolumes, reconcileServers, sayThatWorkersWork, evacuateFromDeadHosts],
    invariants: serverInvariants(parts),
  };
}

/** Flavors that people know, and the hosts that there are, so that the first server need not wait. Repeating it changes nothing. */
export async function bootstrapCompute(parts: RegionParts): Promise<void> {
  await parts.database.transaction({ kind: 'system', reason: 'the first flavors' }, (tx) => ensureFirstFlavors(tx, parts.clock.now()));
  await Promise.all([observeHosts(parts), ensureWorkers(parts)]);
}
