import type { CallInfo } from "parloir:agent/call@0.1.0";
import { current } from "./current.js";
import { write } from "./log.js";
import { place } from "./place.js";
import { printed } from "./printed.js";
import { Refusal } from "./refusal.js";

/** An ability beyond the conversation itself: refused unless named here and granted by the line. */
export type Capability = "model" | "calendar" | "memory" | "documents" | "connectors" | "transfer";

/**
 * How the call ended: it came to its end; a human has the caller; somebody has to ring back; the
 * caller left; the agent gives up, and says why.
 */
export type Outcome = "done" | "transferred" | "call-back" | "abandoned" | { failed: string };

/** Who the agent is, and what it does with a call. */
export interface Described {
  name: string;
  /** The agent's own version. */
  version: string;
  /** The languages it speaks, as BCP 47 tags, best first. */
  languages: string[];
  /** What it needs beyond the conversation. */
  capabilities?: Capability[];
  /** Answers one call, from the first word to the last. Nothing returned is `"done"`. */
  answer(call: Call): Outcome | void;
}

/** The call being answered. */
export interface Call extends Omit<CallInfo, "settings"> {
  /** The tenant's settings for this line. */
  readonly settings: ReadonlyMap<string, string>;
  /** The tenant's setting of this name; `undefined` where it is absent or blank. */
  setting(name: string): string | undefined;
}

type RawOutcome = { tag: Exclude<Outcome, object> } | { tag: "failed"; val: string };

/** What the component exports. */
export interface Exports {
  describe(): { name: string; version: string; languages: string[]; capabilities: string[] };
  answer(info: CallInfo): RawOutcome;
}

/**
 * Makes an agent of a description: `export const { describe, answer } = agent({ … })`, in the file
 * that `package.json` names as `"main"`.
 *
 * What the agent throws and does not catch reaches the call's journal with its place, and the host
 * looks after the caller: a refusal ends the agent's part as `failed`, anything else is a bug and traps.
 */
export function agent(described: Described): Exports {
  return {
    describe: () => ({
      name: described.name,
      version: described.version,
      languages: described.languages,
      capabilities: described.capabilities ?? [],
    }),
    answer(info) {
      current.language = info.language;
      current.line = info.line;
      printed();
      try {
        return raw(described.answer(call(info)) ?? "done");
      } catch (thrown) {
        write("error", describe(thrown));
        if (thrown instanceof Refusal) return { tag: "failed", val: thrown.message };
        // A bug is no ending that the agent chose: it traps, as in every language.
        throw thrown;
      }
    },
  };
}

/** As the contract has it. JavaScript without types returns what it likes. */
function raw(outcome: Outcome): RawOutcome {
  if (typeof outcome === "object" && typeof outcome.failed === "string") return { tag: "failed", val: outcome.failed };
  switch (outcome) {
    case "done":
    case "transferred":
    case "call-back":
    case "abandoned":
      return { tag: outcome };
    default:
      throw new TypeError(`answer returned ${JSON.stringify(outcome)}, which is no outcome`);
  }
}

function call(info: CallInfo): Call {
  const settings = new Map(info.settings);
  return { ...info, settings, setting: (name) => settings.get(name)?.trim() || undefined };
}

/** What was thrown, and where. */
function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `thrown: ${String(thrown)}`;
  const where = place(thrown.stack ?? "");
  return `${thrown.name}: ${thrown.message}${where ? `\n${where}` : ""}`;
}
