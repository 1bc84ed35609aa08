/** The tenant's documents, read-only. @module */

import host, { type Passage } from "parloir:agent/documents@0.1.0";
import { asked } from "./refusal.js";

export type { Passage };

/** Their names. */
export function list(): string[] {
  return asked(() => host.list());
}

/** A whole document, up to 256 KiB of text. */
export function read(name: string): string {
  return asked(() => host.read(name));
}

/** The paragraphs that fit the words best, at most `limit` (1 to 20). */
export function search(query: string, limit = 5): Passage[] {
  return asked(() => host.search(query, limit));
}
