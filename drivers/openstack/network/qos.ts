/** A policy there would be the partner's word, and theirs to change. */
import { DriverError, type Qos } from '../../driver.ts';

export function refuseQos(qos: Qos | null | undefined, what: string): void {
  if (qos && (qos.limits.length > 0 || qos.dscp !== null)) throw new DriverError('invalid', `${what} has a QoS policy, which this partner cannot be asked for`);
}
