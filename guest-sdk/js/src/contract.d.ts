/**
 * The contract as the component sees it: the interfaces of `wit/`, in the shapes that QuickJS gives
 * them. An absent option is `null`; a variant is `{ tag, val }`; a refusal is thrown. Agents import
 * `parloir-agent`, not these.
 */

declare module "parloir:agent/types@0.1.0" {
  export type Variant<Tag extends string, Val = undefined> = Val extends undefined ? { tag: Tag } : { tag: Tag; val: Val };
  export type RawRefusal = Variant<"not-permitted" | "over-quota" | "unavailable" | "invalid", string>;
  export interface LocalTime {
    /** The year, such as 2026. */
    year: number;
    /** 1 to 12. */
    month: number;
    /** 1 to 31. */
    day: number;
    /** 0 to 23. */
    hour: number;
    /** 0 to 59. */
    minute: number;
  }
  export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";
}

declare module "parloir:agent/call@0.1.0" {
  import type { LocalTime, Variant } from "parloir:agent/types@0.1.0";
  export interface CallInfo {
    id: string;
    direction: "inbound" | "outbound";
    line: string;
    caller: string | null;
    language: string;
    startedAt: LocalTime;
    settings: [string, string][];
  }
  export interface Heard {
    /** The words that had been played, cut at the last whole word. */
    text: string;
    /** Whether everything was played. */
    whole: boolean;
    /** How long was played, in milliseconds. */
    played: number;
  }
  export interface Speech {
    /** What was said. */
    text: string;
    /** From 0 (a guess) to 1 (certain); 0.5 where the provider does not say. */
    confidence: number;
    /** BCP 47. */
    language: string;
    /** Whether the caller began while the agent was still speaking. */
    overAgent: boolean;
  }
  export type RawTurn = Variant<"speech", Speech> | Variant<"digits", string> | Variant<"silence"> | Variant<"hung-up">;
  export type BargeIn = "by-speech" | "by-keys" | "never";
  export interface SayOptions { bargeIn: BargeIn; language: string | null }
  export type Expecting = "anything" | "yes-no" | "digits" | "name" | "date" | "address";
  export interface ListenOptions {
    patience: number;
    expecting: Expecting;
    maxDigits: number;
    finishOn: string | null;
    language: string | null;
  }
  export type Transferred = "answered" | "busy" | "no-answer" | "caller-gone";
  interface Call {
    say(text: string, options: SayOptions): Heard;
    play(sound: string, options: SayOptions): Heard;
    listen(options: ListenOptions): RawTurn;
    ask(question: string, say: SayOptions, listen: ListenOptions): [Heard, RawTurn];
    transfer(to: string, announce: string | null): Variant<Transferred>;
    consent(granted: boolean): void;
    pauseRecording(): void;
    resumeRecording(): void;
    hangUp(): void;
  }
  const call: Call;
  export default call;
}

declare module "parloir:agent/calendar@0.1.0" {
  import type { LocalTime, Variant, Weekday } from "parloir:agent/types@0.1.0";
  export interface RawWanted {
    from: LocalTime | null;
    until: LocalTime | null;
    weekdays: Weekday[];
    earliest: number | null;
    latest: number | null;
    limit: number;
  }
  export interface Slot {
    /** Names the slot to `book` and `move`. */
    id: string;
    start: LocalTime;
    minutes: number;
  }
  export interface RawContact { name: string; phone: string | null }
  export interface RawAppointment { reference: string; slot: Slot; contact: RawContact; motive: string }
  export type RawBooked = Variant<"confirmed", RawAppointment> | Variant<"taken">;
  interface Calendar {
    free(wanted: RawWanted): Slot[];
    book(slot: string, contact: RawContact, motive: string): RawBooked;
    find(phone: string): RawAppointment[];
    move(reference: string, slot: string): RawBooked;
    cancel(reference: string): boolean;
  }
  const calendar: Calendar;
  export default calendar;
}

declare module "parloir:agent/model@0.1.0" {
  import type { Variant } from "parloir:agent/types@0.1.0";
  import type { Heard, SayOptions } from "parloir:agent/call@0.1.0";
  export interface Tool {
    name: string;
    description: string;
    /** The JSON Schema of its arguments. */
    parameters: string;
  }
  export interface ToolCall {
    id: string;
    name: string;
    /** JSON, as the model wrote it: check it. */
    arguments: string;
  }
  export interface AssistantMessage { text: string; toolCalls: ToolCall[] }
  export interface ToolResult { id: string; content: string }
  export type RawMessage =
    | Variant<"system", string>
    | Variant<"user", string>
    | Variant<"assistant", AssistantMessage>
    | Variant<"tool", ToolResult>;
  export interface RawChatOptions { maxTokens: number; temperature: number | null; tools: Tool[] }
  export type Finish = "complete" | "tool-calls" | "length" | "interrupted" | "filtered";
  export interface Answer {
    text: string;
    toolCalls: ToolCall[];
    finish: Finish;
    usage: { inputTokens: number; outputTokens: number };
    /** The model that answered, as its provider names it. */
    model: string;
  }
  export interface SpokenAnswer {
    /** What the caller heard of it. Put this in the next message. */
    heard: Heard;
    /** All that was generated, heard or not. */
    generated: Answer;
  }
  interface Model {
    available(): boolean;
    chat(messages: RawMessage[], options: RawChatOptions): Answer;
    reply(messages: RawMessage[], options: RawChatOptions, say: SayOptions): SpokenAnswer;
  }
  const model: Model;
  export default model;
}

declare module "parloir:agent/memory@0.1.0" {
  interface Memory {
    get(key: string): Uint8Array | number[] | null;
    set(key: string, value: Uint8Array): void;
    compareAndSet(key: string, expected: Uint8Array | null, value: Uint8Array): boolean;
    delete(key: string): void;
  }
  const memory: Memory;
  export default memory;
}

declare module "parloir:agent/documents@0.1.0" {
  export interface Passage {
    document: string;
    text: string;
    /** Higher fits better; comparable within one search only. */
    score: number;
  }
  interface Documents {
    list(): string[];
    read(name: string): string;
    search(query: string, limit: number): Passage[];
  }
  const documents: Documents;
  export default documents;
}

declare module "parloir:agent/connectors@0.1.0" {
  export type Method = "get" | "post" | "put" | "patch" | "delete";
  export interface RawRequest {
    connector: string;
    method: Method;
    path: string;
    query: [string, string][];
    body: string | null;
  }
  export interface RawAnswer { status: number; body: string }
  interface Connectors {
    list(): string[];
    send(request: RawRequest): RawAnswer;
  }
  const connectors: Connectors;
  export default connectors;
}

declare module "parloir:agent/report@0.1.0" {
  import type { Variant } from "parloir:agent/types@0.1.0";
  import type { RawAppointment, RawContact } from "parloir:agent/calendar@0.1.0";
  export type Status = "resolved" | "booked" | "call-back" | "handed-over" | "abandoned" | "out-of-scope";
  export type RawField =
    | Variant<"contact", RawContact>
    | Variant<"need", string>
    | Variant<"appointment", RawAppointment>
    | Variant<"status", Status>
    | Variant<"summary", string>
    | Variant<"other", [string, string]>;
  interface Report { set(field: RawField): void }
  const report: Report;
  export default report;
}

declare module "parloir:agent/clock@0.1.0" {
  import type { LocalTime } from "parloir:agent/types@0.1.0";
  interface Clock { now(): LocalTime; weekday(): number; elapsed(): number }
  const clock: Clock;
  export default clock;
}

declare module "parloir:agent/random@0.1.0" {
  interface Random { bytes(count: number): Uint8Array | number[] }
  const random: Random;
  export default random;
}

declare module "parloir:agent/log@0.1.0" {
  export type Level = "debug" | "info" | "warn" | "error";
  interface Log { write(level: Level, message: string): void }
  const log: Log;
  export default log;
}

declare module "parloir:agent/understanding@0.1.0" {
  import type { LocalTime, Variant, Weekday } from "parloir:agent/types@0.1.0";
  export interface Wish {
    /** Midnight of the first day that suits. */
    from: LocalTime | null;
    /** Midnight of the first day that no longer suits. */
    until: LocalTime | null;
    /** Only these days; empty for any. */
    weekdays: Weekday[];
    /** In minutes after midnight. */
    earliest: number | null;
    /** In minutes after midnight. */
    latest: number | null;
    /** The very time asked for, in minutes after midnight. */
    at: number | null;
  }
  export interface Quantity {
    least: number | null;
    most: number | null;
    /** ISO 4217, where one was said. */
    currency: string | null;
  }
  export interface CallerName {
    text: string;
    /** Whether the caller spelled it, so that the letters are sure. */
    spelled: boolean;
  }
  export type RawChoice =
    | Variant<"offer", number>
    | Variant<"any">
    | Variant<"neither">
    | Variant<"rather", Wish>
    | Variant<"yes">
    | Variant<"unclear">;
  export type Intent =
    | "emergency" | "urgent" | "human" | "repeat" | "wait" | "cancel" | "move" | "recall" | "appointment" | "hours"
    | "address" | "price" | "other-language" | "call-back" | "wrong" | "greeting" | "thanks" | "goodbye";
  export type Relative = "earlier" | "later" | "other-day";
  interface Understanding {
    yesNo(text: string, language: string): boolean | null;
    digits(text: string, language: string): string;
    number(text: string, language: string): number | null;
    amount(text: string, language: string): Quantity | null;
    when(text: string, language: string, now: LocalTime): Wish | null;
    refine(wish: Wish, newer: Wish): Wish;
    around(wish: Wish, minutes: number): Wish;
    fits(wish: Wish, moment: LocalTime): boolean;
    phone(text: string, language: string, home: string): string | null;
    name(text: string, language: string): CallerName | null;
    choose(text: string, language: string, options: string[]): RawChoice;
    chooseMoment(text: string, language: string, offers: LocalTime[], now: LocalTime): RawChoice;
    intents(text: string, language: string): Intent[];
    relativeWish(text: string, language: string): Relative | null;
    isNoise(text: string): boolean;
    once(text: string): string;
    languageOf(text: string): string | null;
    sayDate(date: LocalTime, language: string): string;
    sayTime(time: LocalTime, language: string): string;
    sayMoment(moment: LocalTime, now: LocalTime | null, language: string): string;
    sayNumber(number: number, language: string): string;
    sayPhone(phone: string, language: string): string;
    saySpelled(text: string): string;
    sayList(items: string[], conjunction: "and" | "or", language: string): string;
  }
  const understanding: Understanding;
  export default understanding;
}
