// How a conversation ends before its last turn.

import type { Call } from "parloir-agent";

/** The caller left; the caller is done; the caller wants a human; something failed; it lasted too long. */
export type Ended = "gone" | "goodbye" | "human" | "trouble" | "long";

export class Over extends Error {
  constructor(
    readonly how: Ended,
    /** Whether the caller got something that stands. */
    readonly settled = false,
  ) {
    super(how);
  }
}

/** The one of two texts that is in the call's language. */
export const both =
  (call: Call) =>
  (french: string, english: string): string =>
    call.language.startsWith("fr") ? french : english;
