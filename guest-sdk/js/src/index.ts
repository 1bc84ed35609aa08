/**
 * What the author of a telephone agent imports.
 *
 * An agent is a plain sequential program: it says, listens, asks, decides, and returns how the call
 * ended. There is nothing to await: the host parks the agent while the caller thinks. What the host
 * does not do is thrown as a {@link Refusal}; a hang-up is a turn like any other.
 *
 * ```ts
 * import { agent, ask, say, understanding } from "parloir-agent";
 *
 * export const { describe, answer } = agent({
 *   name: "greeter",
 *   version: "0.1.0",
 *   languages: ["en-GB"],
 *   answer(call) {
 *     const name = call.setting("name") ?? "the office";
 *     const { turn } = ask(`Good morning, this is ${name}. Shall somebody ring you back?`, { expecting: "yes-no" });
 *     if (turn.kind === "hung-up") return "abandoned";
 *     const yes = turn.kind === "speech" && understanding.yesNo(turn.text);
 *     say(yes ? "Thank you. Goodbye." : "Goodbye.");
 *     return yes ? "call-back" : "done";
 *   },
 * });
 * ```
 */

/// <reference path="./contract.d.ts" />
/// <reference path="./console.d.ts" />

export { type Answered, AskUntil, askUntil, type AskUntilOptions, type Said, type Taken } from "./again.js";
export { agent, type Call, type Capability, type Described, type Exports, type Outcome } from "./agent.js";
export {
  ask,
  type AskOptions,
  type BargeIn,
  consent,
  type Expecting,
  hangUp,
  type Heard,
  listen,
  type ListenOptions,
  pauseRecording,
  play,
  type Reply,
  resumeRecording,
  say,
  type SayOptions,
  transfer,
  type Transferred,
  type Turn,
} from "./conversation.js";
export { Refusal, type RefusalKind } from "./refusal.js";
export type { LocalTime, Weekday } from "parloir:agent/types@0.1.0";

export * as calendar from "./calendar.js";
export * as clock from "./clock.js";
export * as connectors from "./connectors.js";
export * as documents from "./documents.js";
export * as log from "./log.js";
export * as memory from "./memory.js";
export * as model from "./model.js";
export * as random from "./random.js";
export * as report from "./report.js";
export * as understanding from "./understanding.js";
