// Makes every call of the contract once, passing on what it is answered, in the order of ../go/main.go:
// the tests hold all to the same host calls. Or fails, as the line's setting `fail` says.

import {
  agent, ask, calendar, type Call, clock, connectors, consent, documents, hangUp, listen, type LocalTime, log, memory, model,
  pauseRecording, play, random, Refusal, report, resumeRecording, say, transfer, type Turn, understanding as u,
} from "parloir-agent";

const note = report.other;
const yes = (is: boolean): string => (is ? "yes" : "no");
const two = (n: number): string => String(n).padStart(2, "0");
const at = (t: LocalTime): string => `${t.year}-${two(t.month)}-${two(t.day)} ${two(t.hour)}:${two(t.minute)}`;

export const { describe, answer } = agent({
  name: "every-call",
  version: "0.1.0",
  languages: ["fr-FR", "en-GB"],
  capabilities: ["model", "calendar", "memory", "documents", "connectors", "transfer"],
  answer(call) {
    switch (call.setting("fail")) {
      case "panic":
        throw new RangeError("asked to panic");
      case "undefined":
        return (undefined as unknown as Call).id === "" ? "done" : "abandoned";
      case "give-up":
        say("refuse");
        break;
      case "print": {
        console.log("un thé,", { prêt: [7, null] });
        console.error(new RangeError("too far"));
        const circle: Record<string, unknown> = Object.create(null);
        circle["itself"] = circle;
        console.warn(circle);
        return "done";
      }
    }
    conversation(call);
    appointments();
    stores();
    services(call);
    models();
    understanding(call);
    around();
    hangUp();
    return "call-back";
  },
});

/** "ok", or why not. */
function refused(ask: () => unknown): string {
  try {
    ask();
    return "ok: ";
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return `${thrown.kind.replace("-", " ")}: ${thrown.reason}`;
  }
}

function turned(turn: Turn): string {
  switch (turn.kind) {
    case "speech":
      return `${turn.text} in ${turn.language}, ${yes(turn.overAgent)} over the agent, ${turn.confidence}`;
    case "digits":
      return `keys ${turn.keys}`;
    case "silence":
      return "silence";
    case "hung-up":
      return "hung up";
  }
}

function conversation(call: Call): void {
  const outbound = yes(call.direction === "outbound");
  note("call", `${call.id} ${outbound} ${call.line} ${call.caller ?? "withheld"} ${at(call.startedAt)}`);
  note("setting", call.setting("padded") ?? "none");
  note("no setting", call.setting("blank") ?? "none");
  const heard = say("Bonjour.", { bargeIn: "never", language: "fr-FR" });
  note("heard", `${heard.text} ${yes(heard.whole)} ${heard.played}`);
  note("say", refused(() => say("refuse")));
  play("chime", { bargeIn: "by-keys" });
  const reply = ask("Combien ?", { expecting: "digits", patience: 8000, maxDigits: 4, finishOn: "#" });
  note("reply", `${reply.heard.text}; ${turned(reply.turn)}`);
  for (let i = 0; i < 3; i += 1) note("turn", turned(listen()));
  if (transfer("+33100000001", "Un instant.") !== "busy") throw new Error("a busy line");
  note("transfer", refused(() => transfer("")));
  consent(true);
  note("consent", refused(() => consent(false)));
  pauseRecording();
  resumeRecording();
}

function appointed(a: calendar.Appointment): string {
  return `${a.reference}, ${a.slot.id} at ${at(a.slot.start)} for ${a.slot.minutes} min, ${a.contact.name} ${a.contact.phone}, ${a.motive}`;
}

function appointments(): void {
  const from = { year: 2026, month: 11, day: 24, hour: 0, minute: 0 };
  const slots = calendar.free({ from, weekdays: ["tuesday", "sunday"], earliest: 540, latest: 720, limit: 5 });
  const second = slots[1]!;
  note("slots", `${slots.length}, ${second.id} at ${at(second.start)} for ${second.minutes} min`);
  note("free", refused(() => calendar.free()));
  const booked = calendar.book(second, { name: "Jean Dupont", phone: "+33612345678" }, "projet");
  if (booked === "taken") throw new Error("a free slot");
  note("booked", `yes ${appointed(booked)}`);
  note("moved", yes(calendar.move(booked.reference, { ...second, id: "other" }) !== "taken"));
  const found = calendar.find("+33612345678");
  note("found", `${found.length} ${appointed(found[0]!)}`);
  note("cancelled", yes(calendar.cancel("A7K2P9")));
  report.contact({ name: "Jean Dupont" });
  report.need("besoin");
  report.appointment(booked);
  report.status("out-of-scope");
  report.summary("résumé");
}

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

function stores(): void {
  note("there", String.fromCharCode(...memory.get("there")!));
  note("absent", memory.get("absent") === undefined ? "none" : "some");
  memory.set("key", bytes("value"));
  note("exchanged", yes(memory.compareAndSet("key", bytes("value"), bytes("new"))));
  memory.compareAndSet("key", undefined, bytes("new"));
  memory.remove("key");
  const names = documents.list();
  note("documents", `${names.length} ${names[0]} ${names[1]}`);
  note("document", documents.read(names[0]!));
  const passages = documents.search("tarif", 3);
  note("passage", `${passages.length} ${passages[0]!.document} ${passages[0]!.text} ${passages[0]!.score}`);
}

function services(call: Call): void {
  const names = connectors.list();
  note("connectors", `${names.length} ${names[0] ?? "none"}`);
  const answered = (ask: () => connectors.Answer): string => {
    const answers: connectors.Answer[] = [];
    const refusal = refused(() => answers.push(ask()));
    return answers.map(({ status, body }) => `${status} ${body}`)[0] ?? refusal;
  };
  const phone = call.caller ?? "";
  note("customer", answered(() => connectors.get("crm", "customers/42", { query: { phone } })));
  const query: [string, string][] = [["soon", "oui & non"], ["soon", ""]];
  note("visit", answered(() => connectors.post("crm", "visits", { query, json: { day: "mardi" } })));
}

const FINISHES = ["complete", "tool-calls", "length", "interrupted", "filtered"];

function models(): void {
  note("model", yes(model.available()));
  const messages: model.Message[] = [
    { role: "system", text: "be brief" },
    { role: "user", text: "hello" },
    { role: "assistant", text: "", toolCalls: [{ id: "1", name: "slots", arguments: "{}" }] },
    { role: "tool", id: "1", content: "none" },
  ];
  const tools = [{ name: "slots", description: "free slots", parameters: { type: "object" } }];
  const answer = model.chat(messages, { tools, maxTokens: 100, temperature: 0.25 });
  const asked = answer.toolCalls[0]!;
  const { inputTokens, outputTokens } = answer.usage;
  const finish = FINISHES.indexOf(answer.finish);
  note("chat", `${answer.text} ${asked.name}(${asked.arguments}) ${finish} ${inputTokens} ${outputTokens} ${answer.model}`);
  const spoken = model.reply(messages.slice(0, 1), { language: "en-GB" });
  note("reply", `${spoken.heard.text} of ${spoken.generated.text}`);
}

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

function wished(w: u.Wish): string {
  const days = w.weekdays.reduce((all, day) => all | (1 << DAYS.indexOf(day)), 0);
  const from = w.from ? at(w.from) : "";
  const until = w.until ? at(w.until) : "";
  return `${from} to ${until}, ${days}, ${w.earliest ?? 0}-${w.latest ?? 0}, ${yes(w.at !== null)} ${w.at ?? 0}`;
}

const CHOICES = ["offer", "any", "neither", "rather", "yes", "unclear"];
const RELATIVES = ["earlier", "later", "other-day"];
const INTENTS = [
  "emergency", "urgent", "human", "repeat", "wait", "cancel", "move", "recall", "appointment", "hours", "address", "price",
  "other-language", "call-back", "wrong", "greeting", "thanks", "goodbye",
];

function understanding(call: Call): void {
  const fr = "fr-FR";
  const now = clock.now();
  const answered = (text: string): string => {
    const said = u.yesNo(text, fr);
    return said === undefined ? "unclear" : yes(said);
  };
  note("yes", answered("oui, bien sûr"));
  note("unclear", answered("je ne sais pas"));
  note("digits", u.digits("zéro six, douze", fr));
  note("number", String(u.number("quinze mille", fr)));
  const amount = u.amount("au moins deux mille euros", fr)!;
  note("amount", `${yes(amount.least !== null)} ${amount.least} ${yes(amount.most !== null)} ${amount.currency}`);
  const first = u.when("mardi après-midi", fr, now)!;
  const second = u.when("à 15h30", fr, now)!;
  note("wish", wished(first));
  const both = u.refine(first, second);
  note("both", wished(both));
  note("around", wished(u.around(both, 60)));
  note("fits", yes(u.fits(both, { year: 2026, month: 11, day: 24, hour: 15, minute: 30 })));
  refused(() => calendar.free(both));
  note("phone", u.phone("06 12 34 56 78", fr, call.line) ?? "none");
  note("no phone", u.phone("12", fr, call.line) ?? "none");
  const name = u.name("Jean Dupont", fr)!;
  note("name", `${name.text} ${yes(name.spelled)}`);
  const options = ["ce mois-ci", "plus tard"];
  const choice = u.choose("plus tard", options, fr);
  note("choice", `${CHOICES.indexOf(choice.kind)} ${choice.kind === "offer" ? choice.index : 0}`);
  const offers = [24, 25].map((day) => ({ year: 2026, month: 11, day, hour: 10, minute: 0 }));
  const moment = u.chooseMoment("plutôt vendredi", offers, fr, now);
  note("moment", `${CHOICES.indexOf(moment.kind)} ${moment.kind === "rather" ? wished(moment.wish) : ""}`);
  const intents = u.intents("je voudrais parler à un conseiller, au revoir", fr);
  const all = intents.reduce((set, intent) => set | (1 << INTENTS.indexOf(intent)), 0);
  note("intents", `${intents.length} ${all.toString(16)}`);
  note("relative", String(RELATIVES.indexOf(u.relativeWish("plus tôt", fr)!)));
  note("noise", yes(u.isNoise("[Musique]")));
  note("once", u.once("Bonjour. Bonjour. Bonjour."));
  note("language", u.languageOf("I would like to speak to somebody about the house") ?? "none");
  note("date", u.sayDate(offers[0]!, fr));
  note("time", u.sayTime(offers[0]!, fr));
  note("moment", u.sayMoment(offers[0]!, now, fr));
  note("then", u.sayMoment(offers[0]!, undefined, fr));
  note("number", u.sayNumber(15000, fr));
  note("phone", u.sayPhone("+33612345678", fr));
  note("spelled", u.saySpelled("A7K2P9"));
  note("list", u.sayList(options, "or", fr));
}

function around(): void {
  note("now", `${at(clock.now())}, day ${clock.weekday()}, ${clock.elapsed()} ms`);
  const some = random.bytes(4);
  note("random", `${some.length} ${[...some].map((b) => b.toString(16).padStart(2, "0")).join("")}`);
  log.debug("a note");
  log.warn("  -42|42   |-0042|x|%");
}
