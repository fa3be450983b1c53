// What stands between a target and the doors outwards: limits and rests (implemented in upstream/target-guard.ts).

import type { FunctionInvoker } from './functions.ts';
import type { Egress } from './outbound.ts';

/** Both may throw GatewayError Unavailable (too many calls of this target) and UpstreamRefused (it rests). */
export interface TargetGuard {
  egress(door: Egress): Egress;
  functions(invoker: FunctionInvoker): FunctionInvoker;
}
