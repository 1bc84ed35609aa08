/**
 * What one call leaves for the next: the tenant's key-value storage, sealed under its key. Keys up to
 * 256 bytes, values up to 3 KiB.
 * @module
 */

import host from "parloir:agent/memory@0.1.0";
import { asked } from "./refusal.js";

/** The value under a key, if there is one. */
export function get(key: string): Uint8Array | undefined {
  const value = asked(() => host.get(key));
  return value === null ? undefined : Uint8Array.from(value);
}

/** Stores a value, durable on return. */
export function set(key: string, value: Uint8Array): void {
  asked(() => host.set(key, value));
}

/** Stores a value if the present one is `expected` (`undefined` for none yet), and says whether it did. */
export function compareAndSet(key: string, expected: Uint8Array | undefined, value: Uint8Array): boolean {
  return asked(() => host.compareAndSet(key, expected ?? null, value));
}

/** Forgets a key; no error when there is none. */
export function remove(key: string): void {
  asked(() => host.delete(key));
}
