/** Servers that were promised and have no host yet: who counts what is left counts them too. */
export { sumUnplaced as unplacedServers, type Unplaced } from './servers.store.ts';
