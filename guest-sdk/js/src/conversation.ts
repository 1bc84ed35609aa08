import host, {
  type BargeIn,
  type Expecting,
  type Heard,
  type ListenOptions as RawListenOptions,
  type RawTurn,
  type SayOptions as RawSayOptions,
  type Speech,
  type Transferred,
} from "parloir:agent/call@0.1.0";
import { asked } from "./refusal.js";

export type { BargeIn, Expecting, Heard, Transferred };

/** How something is said. */
export interface SayOptions {
  /** What stops it: `"by-speech"` (the default), `"by-keys"`, or `"never"`. */
  bargeIn?: BargeIn;
  /** The language to speak, BCP 47; the line's first by default. */
  language?: string;
}

/** How the caller is listened to. */
export interface ListenOptions {
  /** How long the caller may stay silent, in milliseconds, 500 to 60000; 6000 by default. */
  patience?: number;
  /** What kind of answer is due: it steers the end of the turn. `"anything"` by default. */
  expecting?: Expecting;
  /** How many keys end a turn of keys; no limit by default. */
  maxDigits?: number;
  /** The key that ends a turn of keys and is not part of it; none by default. */
  finishOn?: string;
  /** The language to listen for, BCP 47; the line's first by default. */
  language?: string;
}

/** How a question is asked: both, the language for both. */
export interface AskOptions extends SayOptions, ListenOptions {}

/** The caller's turn. After a hang-up every later turn says so again. */
export type Turn =
  | ({ kind: "speech" } & Speech)
  | { kind: "digits"; keys: string }
  | { kind: "silence" }
  | { kind: "hung-up" };

/** A question's end. */
export interface Reply {
  /** What the caller heard of the question. */
  heard: Heard;
  /** What came back. */
  turn: Turn;
}

/** Says it, and returns what was heard of it when it was played or interrupted. */
export function say(text: string, options: SayOptions = {}): Heard {
  return asked(() => host.say(text, saying(options)));
}

/** Says it and listens from the first syllable: one turn of conversation. */
export function ask(question: string, options: AskOptions = {}): Reply {
  const [heard, turn] = asked(() => host.ask(question, saying(options), listening(options)));
  return { heard, turn: turned(turn) };
}

/** Waits for the caller's turn. */
export function listen(options: ListenOptions = {}): Turn {
  return turned(asked(() => host.listen(listening(options))));
}

/** Plays a sound file of the tenant. */
export function play(sound: string, options: SayOptions = {}): Heard {
  return asked(() => host.play(sound, saying(options)));
}

/** Hands the caller over, after an optional sentence. An empty `to` is the line's own fallback number. */
export function transfer(to: string, announce?: string): Transferred {
  return asked(() => host.transfer(to, announce ?? null)).tag;
}

/** States the caller's answer about recording and keeping a transcript. */
export function consent(granted: boolean): void {
  asked(() => host.consent(granted));
}

/** Nothing is recorded, transcribed, logged or sent to a provider until {@link resumeRecording}. */
export function pauseRecording(): void {
  asked(() => host.pauseRecording());
}

/** Opens again what {@link pauseRecording} closed, and never more. */
export function resumeRecording(): void {
  asked(() => host.resumeRecording());
}

/** Ends the call. Speaking and listening afterwards behave as after the caller's own hang-up. */
export function hangUp(): void {
  host.hangUp();
}

/** Options as the contract wants them. */
export function saying({ bargeIn = "by-speech", language }: SayOptions): RawSayOptions {
  return { bargeIn, language: language ?? null };
}

function listening(options: ListenOptions): RawListenOptions {
  return {
    patience: options.patience ?? 6000,
    expecting: options.expecting ?? "anything",
    maxDigits: options.maxDigits ?? 0,
    finishOn: options.finishOn ?? null,
    language: options.language ?? null,
  };
}

function turned(turn: RawTurn): Turn {
  switch (turn.tag) {
    case "speech":
      return { kind: "speech", ...turn.val };
    case "digits":
      return { kind: "digits", keys: turn.val };
    case "silence":
    case "hung-up":
      return { kind: turn.tag };
  }
}
