import { now } from "./clock.js";
import { ask, type AskOptions, type BargeIn, type Turn } from "./conversation.js";
import { current } from "./current.js";
import * as u from "./understanding.js";
import type { LocalTime } from "parloir:agent/types@0.1.0";

/** How a question is asked again. */
export interface AskUntilOptions {
  /** Other words, in order; the last ones serve from then on. */
  again?: string | string[];
  /** Failures that end it, 1 to 10; 3 by default. */
  tries?: number;
  /** Spoken, listened for and understood, BCP 47; the call's by default. */
  language?: string;
  bargeIn?: BargeIn;
  /** In milliseconds; by default what suits the kind of answer. */
  patience?: number;
}

/**
 * How a question ended: with an answer; with a caller who wants a human, says goodbye or has hung
 * up; or without one, because nothing was said or nothing was understood.
 */
export type Answered<T> =
  | { end: "answer"; answer: T }
  | { end: "human" | "goodbye" | "silent" | "misunderstood" | "hung-up" };

/** What was said, or the keys pressed. */
export interface Said {
  text: string;
  keys: boolean;
  language: string;
}

/** What a caller takes of what was offered. */
export type Taken = Exclude<u.Choice, { kind: "yes" | "unclear" | "any" | "neither" }> | { kind: "any" | "neither" };

interface Kind<T> {
  listen: Pick<AskOptions, "expecting" | "maxDigits" | "finishOn">;
  patience?: number;
  /** Key 0 is part of the answer, and no wish for a human. */
  zero?: boolean;
  /** Words that are an answer are one before they are a wish for a human. */
  answerFirst?: boolean;
  /** Any words are an answer, so that "pardon?" must be looked for first. */
  open?: boolean;
  read(said: Said): T | undefined;
}

/**
 * One question until it is answered: `askUntil("Souhaitez-vous une visite ?").yesNo()`. Asking again,
 * a caller who wants a human or leaves, "pardon?" and "one moment" are looked after.
 */
export function askUntil(question: string, options: AskUntilOptions = {}): AskUntil {
  return new AskUntil(question, options);
}

/** What {@link askUntil} makes: one method for each kind of answer. */
export class AskUntil {
  constructor(
    private readonly question: string,
    private readonly options: AskUntilOptions,
  ) {}

  /** Yes or no, or key 1 or 2. */
  yesNo(): Answered<boolean> {
    return this.until({
      listen: { expecting: "yes-no", maxDigits: 1 },
      read: ({ text, keys, language }) => (keys ? { "1": true, "2": false }[text] : u.yesNo(text, language)),
    });
  }

  /** One of the options, given as they are spoken. */
  choose(options: string[]): Answered<Taken> {
    return this.until({
      listen: { expecting: "anything", maxDigits: options.length > 9 ? 2 : 1 },
      answerFirst: true,
      read: ({ text, language }) => taken(u.choose(text, options, language)),
    });
  }

  /** One of the moments on offer. */
  chooseMoment(offers: LocalTime[]): Answered<Taken> {
    const from = now();
    return this.until({
      listen: { expecting: "date", maxDigits: 1 },
      read: ({ text, language }) => taken(u.chooseMoment(text, offers, language, from)),
    });
  }

  /** A day or a time. */
  when(): Answered<u.Wish> {
    const from = now();
    return this.until({
      listen: { expecting: "date", maxDigits: 1 },
      read: ({ text, keys, language }) => (keys ? undefined : u.when(text, language, from)),
    });
  }

  /** A telephone number, as E.164. */
  phone(): Answered<string> {
    return this.until({ ...DICTATED, read: ({ text, language }) => u.phone(text, language) });
  }

  /** So many digits, said or keyed. */
  digits(least: number, most = least): Answered<string> {
    return this.until({
      ...DICTATED,
      listen: { ...DICTATED.listen, maxDigits: most },
      read: ({ text, language }) => {
        const digits = u.digits(text, language).replace("+", "");
        return digits.length >= least && digits.length <= most ? digits : undefined;
      },
    });
  }

  /** A whole number. */
  number(): Answered<number> {
    return this.until({ ...COUNTED, read: ({ text, language }) => u.number(text, language) });
  }

  /** A sum. */
  amount(): Answered<u.Quantity> {
    return this.until({ ...COUNTED, read: ({ text, language }) => u.amount(text, language) });
  }

  /** The caller's name. */
  name(): Answered<u.CallerName> {
    return this.until({
      listen: { expecting: "name", maxDigits: 1 },
      patience: 10_000,
      open: true,
      read: ({ text, keys, language }) => (keys ? undefined : u.name(text, language)),
    });
  }

  /** What a function of your own makes of it; `undefined` is no answer. */
  read<T>(read: (said: Said) => T | undefined): Answered<T> {
    return this.until({ listen: { expecting: "anything", maxDigits: 1 }, read });
  }

  private until<T>(kind: Kind<T>): Answered<T> {
    const { tries = 3, bargeIn } = this.options;
    const again = [this.options.again ?? []].flat();
    const language = this.options.language ?? current.language;
    const usual = this.options.patience ?? kind.patience ?? 6000;
    const french = language.startsWith("fr");
    let [words, patience] = [this.question, usual];
    let asked = words;
    let [failures, interludes] = [0, 0];
    let said = false;
    for (;;) {
      const options: AskOptions = { ...kind.listen, patience, language };
      const { turn } = ask(words, bargeIn === undefined ? options : { ...options, bargeIn });
      patience = usual;
      if (turn.kind === "hung-up") return { end: "hung-up" };
      const heard = spoken(turn, language);
      if (heard !== undefined) {
        if (heard.keys && heard.text === "0" && !kind.zero) return { end: "human" };
        const intents = heard.keys ? [] : u.intents(heard.text, language);
        const human = intents.some((intent) => intent === "human" || intent === "emergency");
        if (human && !kind.answerFirst) return { end: "human" };
        const interlude = intents.find((intent) => intent === "repeat" || intent === "wait");
        const answer = kind.open && interlude !== undefined ? undefined : kind.read(heard);
        if (answer !== undefined) return { end: "answer", answer };
        if (human) return { end: "human" };
        if (intents.includes("goodbye")) return { end: "goodbye" };
        if (interlude !== undefined && interludes < 2) {
          interludes += 1;
          words = interlude === "repeat" ? asked : french ? "Prenez votre temps." : "Take your time.";
          if (interlude === "wait") patience = 20_000;
          continue;
        }
        said = true;
      }
      failures += 1;
      if (failures >= tries) return { end: said ? "misunderstood" : "silent" };
      words = again[Math.min(failures, again.length) - 1] ?? `${sorry(heard !== undefined, french)} ${this.question}`;
      asked = words;
    }
  }
}

const DICTATED = { listen: { expecting: "digits", maxDigits: 0, finishOn: "#" }, patience: 10_000, zero: true } as const;
const COUNTED = { listen: { expecting: "anything", maxDigits: 0, finishOn: "#" }, patience: 10_000, zero: true } as const;

function spoken(turn: Turn, language: string): Said | undefined {
  switch (turn.kind) {
    case "digits":
      return { text: turn.keys, keys: true, language };
    case "speech":
      return u.isNoise(turn.text) ? undefined : { text: turn.text, keys: false, language };
    default:
      return undefined;
  }
}

function taken(choice: u.Choice): Taken | undefined {
  switch (choice.kind) {
    case "offer":
    case "rather":
      return choice;
    case "any":
    case "neither":
      return { kind: choice.kind };
    default:
      return undefined;
  }
}

function sorry(spoken: boolean, french: boolean): string {
  if (spoken) return french ? "Pardon, je n'ai pas bien compris." : "Sorry, I did not catch that.";
  return french ? "Vous êtes toujours là ?" : "Are you still there?";
}
