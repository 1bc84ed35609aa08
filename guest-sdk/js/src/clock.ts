/** The only clock there is. It moves at host calls, and the journal holds every reading. @module */

import host from "parloir:agent/clock@0.1.0";
import type { LocalTime } from "parloir:agent/types@0.1.0";

/** Civil time in the line's time zone, to the minute. */
export function now(): LocalTime {
  return host.now();
}

/** The day of the week: 1 for Monday to 7 for Sunday. */
export function weekday(): number {
  return host.weekday();
}

/** Milliseconds since the call was answered. */
export function elapsed(): number {
  return host.elapsed();
}
