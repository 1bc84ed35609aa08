// What the tools do. Whatever the model writes is checked: it is as strange to this program as the caller is.

import { askUntil, calendar, type Call, clock, type model, Refusal, report, say, understanding } from "parloir-agent";
import { both, Over } from "./ended.js";

/** Times offered at once. */
const MOST_TIMES = 3;

export class Desk {
  /** Whether an appointment stands. */
  settled = false;
  private found: calendar.Slot[] = [];

  constructor(private readonly call: Call) {}

  /** Does what the model asked for, and says what came of it. */
  use(wanted: model.ToolCall): string {
    const given = read(wanted.arguments);
    try {
      switch (wanted.name) {
        case "find_times":
          return this.findTimes(String(given["when"] ?? ""));
        case "book":
          return this.book(Number(given["number"]), name(given["name"]), motive(given["motive"]));
        case "hand_over":
          throw new Over("human");
        case "goodbye":
          throw new Over("goodbye", this.settled);
        default:
          return `There is no tool ${wanted.name.slice(0, 40)}.`;
      }
    } catch (refused) {
      if (refused instanceof Refusal) return `Not possible: ${refused.kind}.`;
      throw refused;
    }
  }

  private findTimes(words: string): string {
    const wish = understanding.when(words.slice(0, 200));
    this.found = calendar.free({ ...wish, limit: MOST_TIMES });
    const suits = this.found.length > 0;
    if (!suits) this.found = calendar.free({ limit: MOST_TIMES });
    if (this.found.length === 0) return "There are no free times.";
    const now = clock.now();
    const times = this.found.map((slot, i) => `${i + 1}: ${understanding.sayMoment(slot.start, now)}`).join("; ");
    return suits ? times : `Nothing then. The next free times are ${times}`;
  }

  private book(number: number, name: string | undefined, motive: string): string {
    const text = both(this.call);
    const slot = this.found[number - 1];
    if (slot === undefined) return "There is no time of that number: call find_times first.";
    if (name === undefined) return "Ask the caller's name first.";
    if (this.settled) return "An appointment has been made in this call already.";
    const at = understanding.sayMoment(slot.start, clock.now());
    const sure = askUntil(text(`Je réserve ${at}, au nom de ${name} ?`, `Shall I book ${at}, in the name of ${name}?`), {
      again: text("Je réserve, oui ou non ?", "Shall I book it, yes or no?"),
      tries: 2,
    }).yesNo();
    if (sure.end === "hung-up") throw new Over("gone");
    if (sure.end === "human") throw new Over("human");
    if (sure.end !== "answer" || !sure.answer) return "The caller did not confirm. Nothing was booked.";
    const contact = { name, phone: this.call.caller };
    const booked = calendar.book(slot, contact, motive);
    if (booked === "taken") return "Somebody has just taken it: call find_times again.";
    this.settled = true;
    report.contact(contact);
    report.need(motive);
    report.appointment(booked);
    report.status("booked");
    const reference = understanding.saySpelled(booked.reference);
    say(text(`C'est réservé. Votre référence est ${reference}.`, `It is booked. Your reference is ${reference}.`), { bargeIn: "by-keys" });
    return "Booked, and the caller has been told the reference. Ask whether there is anything else.";
  }
}

/** The arguments, if the model wrote an object. */
function read(json: string): Record<string, unknown> {
  try {
    const given: unknown = JSON.parse(json);
    return typeof given === "object" && given !== null && !Array.isArray(given) ? { ...given } : {};
  } catch {
    return {};
  }
}

/** A name as it may be written down: some letters, and not too many. */
function name(given: unknown): string | undefined {
  const text = String(given ?? "").trim();
  return /^[\p{L}][\p{L}\p{M} .'’-]{0,59}$/u.test(text) ? text : undefined;
}

function motive(given: unknown): string {
  const text = String(given ?? "").replace(/\s+/g, " ").trim();
  return [...text].slice(0, 120).join("") || "rendez-vous";
}
