/** The only randomness there is, journaled so that a call can be run again. @module */

import host from "parloir:agent/random@0.1.0";

/** So many random bytes, at most 4096. */
export function bytes(count: number): Uint8Array {
  return Uint8Array.from(host.bytes(count));
}
