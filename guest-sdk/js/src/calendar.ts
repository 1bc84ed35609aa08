/** The tenant's appointments. Two callers never get one slot. @module */

import host, { type RawAppointment, type RawBooked, type Slot } from "parloir:agent/calendar@0.1.0";
import type { LocalTime, Weekday } from "parloir:agent/types@0.1.0";
import { type Contact, raw } from "./contact.js";
import { asked } from "./refusal.js";

export type { Contact, Slot };

/** Which slots are wanted. What is absent does not constrain; a `Wish` that was understood fits. */
export interface Wanted {
  /** Not before this instant; now by default. */
  from?: LocalTime | null;
  /** Before this instant; the calendar's horizon by default. */
  until?: LocalTime | null;
  /** Only these days; any by default. */
  weekdays?: Weekday[];
  /** Not before this time of day, in minutes after midnight. */
  earliest?: number | null;
  /** Begins before this time of day, in minutes after midnight. */
  latest?: number | null;
  /** This very time of day, in minutes after midnight. */
  at?: number | null;
  /** At most so many, soonest first; 1 to 50, 2 by default. */
  limit?: number;
}

/** An appointment that stands. */
export interface Appointment extends RawAppointment {}

/** The free slots that are wanted, soonest first. */
export function free(wanted: Wanted = {}): Slot[] {
  const { from, until, weekdays, at, limit } = wanted;
  const earliest = at ?? wanted.earliest ?? null;
  const latest = at == null ? (wanted.latest ?? null) : at + 1;
  return asked(() =>
    host.free({ from: from ?? null, until: until ?? null, weekdays: weekdays ?? [], earliest, latest, limit: limit ?? 2 }),
  );
}

/** Books a slot; `"taken"` when somebody was quicker. */
export function book(slot: Slot, contact: Contact, motive: string): Appointment | "taken" {
  return booked(asked(() => host.book(slot.id, raw(contact), motive)));
}

/** The coming appointments under a telephone number, E.164. */
export function find(phone: string): Appointment[] {
  return asked(() => host.find(phone));
}

/** Moves an appointment: either it has the new slot or it keeps the old one. */
export function move(reference: string, slot: Slot): Appointment | "taken" {
  return booked(asked(() => host.move(reference, slot.id)));
}

/** Cancels an appointment; `false` when there is none of that reference. */
export function cancel(reference: string): boolean {
  return asked(() => host.cancel(reference));
}

function booked(answer: RawBooked): Appointment | "taken" {
  return answer.tag === "taken" ? "taken" : answer.val;
}
