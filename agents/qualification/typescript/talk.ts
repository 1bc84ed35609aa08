// One question until it is answered, or twice asked.

import { ask, type AskOptions, type Call, say, understanding } from "parloir-agent";

/** The caller left. */
export class Gone extends Error {}
/** The caller wants a human being. */
export class Human extends Error {}
/** Two topics in a row had no answer. */
export class Lost extends Error {}

export interface Topic<T> extends Pick<AskOptions, "expecting" | "maxDigits" | "finishOn"> {
  question: string;
  short: string;
  /** What the words, or the keys, mean; `undefined` for nothing that answers. */
  read(text: string, keys: boolean): T | undefined;
}

export class Talk {
  readonly french: boolean;
  readonly language: string;
  /** Whether the question of recording has been answered. */
  settled = false;
  private lead = "";
  private unanswered = 0;

  constructor(readonly call: Call) {
    this.french = call.language.startsWith("fr");
    this.language = /^(fr|en)/.test(call.language) ? call.language : "en-GB";
  }

  both(french: string, english: string): string {
    return this.french ? french : english;
  }

  /** Says it in one breath with what comes next. */
  tell(french: string, english: string): void {
    this.lead = this.led(this.both(french, english));
  }

  /** What was to be told, and `text`. */
  led(text: string): string {
    const led = this.lead === "" ? text : `${this.lead} ${text}`;
    this.lead = "";
    return led;
  }

  say(french: string, english: string): void {
    say(this.led(this.both(french, english)), { language: this.language });
  }

  confirm(question: string, short: string): boolean | undefined {
    return this.ask({
      question,
      short,
      expecting: "yes-no",
      maxDigits: 1,
      read: (text, keys) => (keys ? { "1": true, "2": false }[text] : understanding.yesNo(text, this.language)),
    });
  }

  ask<T>({ question, short, read, ...options }: Topic<T>): T | undefined {
    for (const text of [this.led(question), short]) {
      const { turn } = ask(text, { patience: 7000, language: this.language, ...options });
      if (turn.kind === "hung-up") throw new Gone();
      if (turn.kind === "silence") continue;
      const keys = turn.kind === "digits";
      const said = turn.kind === "digits" ? turn.keys : turn.text;
      if (!keys && understanding.isNoise(said)) continue;
      if (!keys && understanding.intents(said, this.language).includes("human")) throw new Human();
      const answer = read(said, keys);
      if (answer !== undefined) {
        this.unanswered = 0;
        return answer;
      }
    }
    this.unanswered += 1;
    if (this.unanswered === 2) throw new Lost();
    return undefined;
  }
}
