// Apart from the calendar: who reports a contact does not thereby use the calendar.

import type { RawContact } from "parloir:agent/calendar@0.1.0";

/** Whom an appointment is for. */
export interface Contact {
  name: string;
  /** E.164. */
  phone?: string | null;
}

/** A contact as the contract wants it. */
export function raw(contact: Contact): RawContact {
  return { name: contact.name, phone: contact.phone ?? null };
}
