/**
 * What a caller means by what was transcribed, and how to say things back, in French and English. The
 * language is the call's unless another is named. What cannot be understood is `undefined`, never a
 * guess. It is the host's, and the same for agents of every language.
 * @module
 */

import host, {
  type CallerName,
  type Intent,
  type Quantity,
  type RawChoice,
  type Relative,
  type Wish,
} from "parloir:agent/understanding@0.1.0";
import type { LocalTime } from "parloir:agent/types@0.1.0";
import { now } from "./clock.js";
import { current } from "./current.js";

export type { CallerName, Intent, Quantity, Relative, Wish };

/** What a caller makes of some offers: see the contract's `choice`. */
export type Choice =
  | { kind: "offer"; index: number }
  | { kind: "rather"; wish: Wish }
  | { kind: "any" | "neither" | "yes" | "unclear" };

/** Whether the caller says yes; `undefined` for neither, for both, and for "I do not know". */
export const yesNo = (text: string, language = current.language): boolean | undefined =>
  host.yesNo(text, language) ?? undefined;
/** The digits dictated, in order, after a "+" where one was said; empty when there are none. */
export const digits = (text: string, language = current.language): string => host.digits(text, language);
/** The first whole number said, in letters or in figures. */
export const number = (text: string, language = current.language): number | undefined =>
  host.number(text, language) ?? undefined;
/** How much the caller says, in whole units. */
export const amount = (text: string, language = current.language): Quantity | undefined =>
  host.amount(text, language) ?? undefined;
/** Which days and times the caller wishes, from now. */
export const when = (text: string, language = current.language, from: LocalTime = now()): Wish | undefined =>
  host.when(text, language, from) ?? undefined;
/** A wish after a newer one: what the newer does not speak of stays. */
export const refine = (wish: Wish, newer: Wish): Wish => host.refine(wish, newer);
/** A wish with its very time as a span of so many minutes before and after. */
export const around = (wish: Wish, minutes: number): Wish => host.around(wish, minutes);
/** Whether a moment suits. */
export const fits = (wish: Wish, moment: LocalTime): boolean => host.fits(wish, moment);
/** The telephone number dictated or keyed, as E.164; a national one is of the line's country. */
export const phone = (text: string, language = current.language, home = current.line): string | undefined =>
  host.phone(text, language, home) ?? undefined;
/** The caller's name, said or spelled. */
export const name = (text: string, language = current.language): CallerName | undefined =>
  host.name(text, language) ?? undefined;
/** Which of the options, given as they were spoken, the caller takes. */
export const choose = (text: string, options: string[], language = current.language): Choice =>
  choice(host.choose(text, language, options));
/** Which of the moments on offer the caller takes. */
export const chooseMoment = (
  text: string,
  offers: LocalTime[],
  language = current.language,
  from: LocalTime = now(),
): Choice =>
  choice(host.chooseMoment(text, language, offers, from));
/** Everything the caller is after, most pressing first. */
export const intents = (text: string, language = current.language): Intent[] => host.intents(text, language);
/** Whether the caller wants something earlier, later, or on another day. */
export const relativeWish = (text: string, language = current.language): Relative | undefined =>
  host.relativeWish(text, language) ?? undefined;
/** Whether a text is no speech at all. */
export const isNoise = (text: string): boolean => host.isNoise(text);
/** A text with each sentence once. */
export const once = (text: string): string => host.once(text);
/** The language of a text, `"fr-FR"` or `"en-GB"`. */
export const languageOf = (text: string): string | undefined => host.languageOf(text) ?? undefined;

/** "mardi 24 novembre". */
export const sayDate = (date: LocalTime, language = current.language): string => host.sayDate(date, language);
/** "15 heures 30". */
export const sayTime = (time: LocalTime, language = current.language): string => host.sayTime(time, language);
/** "mardi 24 novembre à 15 heures 30"; with `from`, a near moment is said so: "demain à midi". */
export const sayMoment = (moment: LocalTime, from?: LocalTime, language = current.language): string =>
  host.sayMoment(moment, from ?? null, language);
/** "quinze mille". */
export const sayNumber = (number: number, language = current.language): string => host.sayNumber(number, language);
/** "06, 12, 34, 56, 78". */
export const sayPhone = (phone: string, language = current.language): string => host.sayPhone(phone, language);
/** "A, 7, K, 2, P, 9". */
export const saySpelled = (text: string): string => host.saySpelled(text);
/** "lundi, mardi ou jeudi". */
export const sayList = (items: string[], conjunction: "and" | "or", language = current.language): string =>
  host.sayList(items, conjunction, language);

function choice(raw: RawChoice): Choice {
  switch (raw.tag) {
    case "offer":
      return { kind: "offer", index: raw.val };
    case "rather":
      return { kind: "rather", wish: raw.val };
    default:
      return { kind: raw.tag };
  }
}
