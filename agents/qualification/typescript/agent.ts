// Qualifies a lead in four questions, scores it, and acts: ../README.md is the script.

import { agent, calendar, type Call, clock, consent, hangUp, type Outcome, Refusal, report, say, transfer, understanding } from "parloir-agent";
import { Gone, Human, Lost, Talk } from "./talk.js";

export const { describe, answer } = agent({
  name: "qualification",
  version: "0.1.0",
  languages: ["fr-FR", "en-GB"],
  capabilities: ["calendar", "transfer"],
  answer(call) {
    const talk = new Talk(call);
    try {
      return qualify(talk);
    } catch (stop) {
      if (stop instanceof Gone) return "abandoned";
      if (stop instanceof Human || stop instanceof Lost) return handOver(talk, stop instanceof Lost);
      throw stop;
    }
  },
});

interface Lead {
  need: string | undefined;
  budget: number | undefined;
  delay: "month" | "quarter" | "later" | undefined;
  decider: boolean | undefined;
}

function qualify(talk: Talk): Outcome {
  report.status("abandoned");
  greet(talk);
  const lead = { need: need(talk), budget: budget(talk), delay: delay(talk), decider: decider(talk) };
  const score = points(talk.call, lead);
  const temperature =
    score >= threshold(talk.call, "score.hot", 70) ? "hot" : score >= threshold(talk.call, "score.warm", 40) ? "warm" : "cold";
  file(talk, lead, score, temperature);
  if (temperature === "cold") return cold(talk);
  const contact = who(talk);
  if (temperature === "hot") {
    const outcome = hot(talk);
    if (outcome !== undefined) return outcome;
  }
  return warm(talk, lead, contact);
}

function greet(talk: Talk): void {
  const name = talk.call.setting("company.name") ?? talk.both("notre société", "our company");
  say(
    talk.both(
      `Bonjour, ${name}. Je suis un assistant vocal, une intelligence artificielle. Cet appel peut être enregistré.`,
      `Hello, this is ${name}. I am a voice assistant, an artificial intelligence. This call may be recorded.`,
    ),
    { bargeIn: "never", language: talk.language },
  );
  const agreed =
    talk.confirm(
      talk.both(
        "Acceptez-vous d'être enregistré ? Dites oui ou non, ou tapez 1 ou 2.",
        "Do you agree to be recorded? Say yes or no, or press 1 or 2.",
      ),
      talk.both("Acceptez-vous que l'appel soit enregistré ? Oui ou non.", "Do you agree to the recording? Yes or no."),
    ) ?? false;
  settle(talk, agreed);
  report.other("recording", agreed ? "accepted" : "refused");
  if (!agreed) talk.tell("Très bien, rien ne sera enregistré.", "Very well, nothing will be recorded.");
}

/** Where the line's policy leaves no choice, that is the host's word. */
function settle(talk: Talk, agreed: boolean): void {
  talk.settled = true;
  attempt(() => consent(agreed));
}

function need(talk: Talk): string | undefined {
  const text = talk.ask({
    question: talk.both("Quel est votre projet, en quelques mots ?", "What is your project, in a few words?"),
    short: talk.both("Que recherchez-vous ?", "What are you looking for?"),
    read: (text, keys) => {
      const need = understanding.once(text).trim().replace(/\.+$/, "").trimEnd();
      return keys || [...need].length < 3 ? undefined : [...need].slice(0, 200).join("");
    },
  });
  if (text !== undefined) report.need(text);
  return text;
}

function budget(talk: Talk): number | undefined {
  const euros = talk.ask({
    question: talk.both("Quel budget prévoyez-vous, en euros ?", "What budget do you have in mind, in euros?"),
    short: talk.both("Un ordre de grandeur suffit : combien d'euros ?", "A rough figure will do: how many euros?"),
    expecting: "digits",
    finishOn: "#",
    read: (text) => {
      const amount = understanding.amount(text, talk.language);
      return amount?.most ?? amount?.least ?? undefined;
    },
  });
  report.other("budget", euros === undefined ? "unknown" : String(euros));
  return euros;
}

function delay(talk: Talk): Lead["delay"] {
  const delays = ["month", "quarter", "later"] as const;
  const options = talk.french
    ? ["ce mois-ci", "dans les trois mois", "plus tard"]
    : ["this month", "within three months", "later"];
  const delay = talk.ask({
    question: talk.both(
      "Pour quand : ce mois-ci, dans les trois mois, ou plus tard ?",
      "For when: this month, within three months, or later?",
    ),
    short: talk.both(
      "Tapez 1 pour ce mois-ci, 2 pour dans les trois mois, 3 pour plus tard.",
      "Press 1 for this month, 2 for within three months, 3 for later.",
    ),
    maxDigits: 1,
    read: (text, keys) => {
      if (keys) return delays[Number(text) - 1];
      const choice = understanding.choose(text, options, talk.language);
      return choice.kind === "offer" ? delays[choice.index] : undefined;
    },
  });
  report.other("delay", delay ?? "unknown");
  return delay;
}

function decider(talk: Talk): boolean | undefined {
  const decides = talk.confirm(
    talk.both("Est-ce vous qui prenez la décision ?", "Is the decision yours?"),
    talk.both("Décidez-vous vous-même, oui ou non ?", "Do you decide yourself, yes or no?"),
  );
  report.other("decider", yesNoUnknown(decides));
  return decides;
}

function points(call: Call, lead: Lead): number {
  const budget = lead.budget ?? 0;
  return (
    (lead.need === undefined ? 0 : 20) +
    (budget >= threshold(call, "budget.good", 10_000) ? 30 : budget >= threshold(call, "budget.fair", 3_000) ? 15 : 0) +
    (lead.delay === "month" ? 25 : lead.delay === "quarter" ? 15 : 0) +
    (lead.decider ? 25 : 0)
  );
}

function threshold(call: Call, setting: string, otherwise: number): number {
  const said = call.setting(setting) ?? "";
  return /^[0-9]{1,9}$/.test(said) ? Number(said) : otherwise;
}

function file(talk: Talk, lead: Lead, score: number, temperature: string): void {
  report.other("score", String(score));
  report.other("class", temperature);
  const need = lead.need ?? "unknown";
  const budget = lead.budget ?? "unknown";
  const delay = lead.delay ?? "unknown";
  const decider = yesNoUnknown(lead.decider);
  report.summary(
    talk.both(
      `${need}. Budget ${budget}, délai ${delay}, décideur ${decider}. Score ${score}, ${temperature}.`,
      `${need}. Budget ${budget}, delay ${delay}, decider ${decider}. Score ${score}, ${temperature}.`,
    ),
  );
}

function cold(talk: Talk): Outcome {
  talk.say(
    "Merci, j'ai bien noté votre projet. Nous n'avons pas d'offre adaptée pour l'instant ; rappelez-nous quand il avancera. Au revoir.",
    "Thank you, I have noted your project. We have no suitable offer for now; call us again when it moves forward. Goodbye.",
  );
  report.status("out-of-scope");
  hangUp();
  return "done";
}

function who(talk: Talk): calendar.Contact {
  const name = talk.ask({
    question: talk.both("À quel nom, s'il vous plaît ?", "What name is it, please?"),
    short: talk.both("Épelez votre nom, s'il vous plaît.", "Please spell your name."),
    expecting: "name",
    read: (text, keys) => (keys ? undefined : understanding.name(text, talk.language)?.text),
  });
  const phone =
    talk.call.caller ??
    talk.ask({
      question: talk.both("À quel numéro peut-on vous rappeler ?", "On which number can we call you back?"),
      short: talk.both(
        "Dites-le chiffre par chiffre, ou tapez-le puis dièse.",
        "Say it digit by digit, or type it and then the hash key.",
      ),
      expecting: "digits",
      finishOn: "#",
      read: (text) => understanding.phone(text, talk.language),
    });
  const contact = { name: name ?? talk.both("inconnu", "unknown"), phone: phone ?? null };
  report.contact(contact);
  return contact;
}

/** An adviser at once; `undefined` when none is free. */
function hot(talk: Talk): Outcome | undefined {
  const announce = talk.both(
    "Merci. Je vous passe un conseiller, ne quittez pas.",
    "Thank you. I will put you through to an adviser, please hold.",
  );
  switch (attempt(() => transfer("", talk.led(announce)))) {
    case "answered":
      report.status("handed-over");
      return "transferred";
    case "caller-gone":
      return "abandoned";
    default:
      talk.tell("Personne n'est libre tout de suite.", "Nobody is free just now.");
      return undefined;
  }
}

function warm(talk: Talk, lead: Lead, contact: calendar.Contact): Outcome {
  for (let attempts = 0; attempts < 2; attempts += 1) {
    const offers = attempt(() => calendar.free({ limit: 2 })) ?? [];
    const slot = offers.length === 0 ? undefined : choose(talk, offers);
    if (slot === undefined) return callBack(talk);
    const booked = attempt(() => calendar.book(slot, contact, lead.need ?? "unknown"));
    if (booked === undefined) return callBack(talk);
    if (booked !== "taken") return confirm(talk, booked);
    talk.tell("Ce créneau vient d'être pris.", "That time has just been taken.");
  }
  return callBack(talk);
}

function choose(talk: Talk, offers: calendar.Slot[]): calendar.Slot | undefined {
  const now = clock.now();
  const [a, b] = offers.map((slot) => understanding.sayMoment(slot.start, now, talk.language));
  const alone = b === undefined;
  const place = talk.ask<number>({
    question: alone
      ? talk.both(`Un conseiller peut vous rappeler ${a}. Cela vous convient ?`, `An adviser can call you ${a}. Does that suit you?`)
      : talk.both(
          `Un conseiller peut vous rappeler ${a}, ou ${b}. Lequel préférez-vous ?`,
          `An adviser can call you ${a}, or ${b}. Which do you prefer?`,
        ),
    short: alone
      ? talk.both("Oui ou non ?", "Yes or no?")
      : talk.both("Le premier ou le deuxième ?", "The first or the second?"),
    expecting: "date",
    maxDigits: 1,
    read: (text, keys) => {
      // No place of the list means that none suits.
      if (keys) return text === "1" || text === "2" ? Number(text) - 1 : undefined;
      const choice = understanding.chooseMoment(text, offers.map((slot) => slot.start), talk.language);
      switch (choice.kind) {
        case "offer":
          return choice.index;
        case "any":
          return 0;
        case "yes":
          return alone ? 0 : undefined;
        case "neither":
        case "rather":
          return offers.length;
        case "unclear":
          return undefined;
      }
    },
  });
  return place === undefined ? undefined : offers[place];
}

function confirm(talk: Talk, appointment: calendar.Appointment): Outcome {
  report.appointment(appointment);
  report.status("booked");
  const at = understanding.sayMoment(appointment.slot.start, undefined, talk.language);
  const reference = understanding.saySpelled(appointment.reference);
  talk.say(
    `C'est noté : ${at}, référence ${reference}. Merci et au revoir.`,
    `It is booked: ${at}, reference ${reference}. Thank you and goodbye.`,
  );
  hangUp();
  return "done";
}

function callBack(talk: Talk): Outcome {
  talk.say("Un conseiller vous rappellera. Merci et au revoir.", "An adviser will call you back. Thank you and goodbye.");
  report.status("call-back");
  hangUp();
  return "call-back";
}

function handOver(talk: Talk, lost: boolean): Outcome {
  if (!talk.settled) settle(talk, false);
  const announce = lost
    ? talk.both(
        "Je n'arrive pas à vous comprendre. Je vous passe quelqu'un, ne quittez pas.",
        "I am having trouble understanding. I will put you through, please hold.",
      )
    : talk.both("Je vous passe quelqu'un, ne quittez pas.", "I will put you through to somebody, please hold.");
  switch (attempt(() => transfer("", talk.led(announce)))) {
    case "answered":
      report.status("handed-over");
      return "transferred";
    case "caller-gone":
      return "abandoned";
    default:
      return callBack(talk);
  }
}

const yesNoUnknown = (answer: boolean | undefined): string => (answer === undefined ? "unknown" : answer ? "yes" : "no");

/** What the host does, or `undefined` where it refuses. */
function attempt<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (thrown) {
    if (thrown instanceof Refusal) return undefined;
    throw thrown;
  }
}
