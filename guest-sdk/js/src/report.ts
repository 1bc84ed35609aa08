/**
 * What the tenant reads after the call. Set as the call goes: a call cut short still files what was
 * known, and a field set again replaces the one before.
 * @module
 */

import host, { type RawField, type Status } from "parloir:agent/report@0.1.0";
import type { Appointment } from "./calendar.js";
import { type Contact, raw } from "./contact.js";
import { asked } from "./refusal.js";

export type { Status };

/** Who called. */
export const contact = (contact: Contact): void => set({ tag: "contact", val: raw(contact) });
/** What for. */
export const need = (text: string): void => set({ tag: "need", val: text });
/** The appointment that stands. */
export const appointment = (appointment: Appointment): void => set({ tag: "appointment", val: appointment });
/** How it went. */
export const status = (status: Status): void => set({ tag: "status", val: status });
/** The call in a sentence or two. */
export const summary = (text: string): void => set({ tag: "summary", val: text });
/** A field of the tenant's own. */
export const other = (name: string, value: string): void => set({ tag: "other", val: [name, value] });

function set(field: RawField): void {
  asked(() => host.set(field));
}
