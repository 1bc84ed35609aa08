// A front desk led by a language model. The model talks and chooses among tools; what binds anybody is
// done by this program: it reads back before it books, and it alone hands over.

import { agent, askUntil, type Call, consent, hangUp, listen, model, type Outcome, Refusal, report, say, transfer, understanding } from "parloir-agent";
import { Desk } from "./desk.js";
import { both, type Ended, Over } from "./ended.js";
import { rules } from "./rules.js";
import { TOOLS } from "./tools.js";

/** Turns of the caller, before a human takes over. */
const MOST_TURNS = 20;
/** Times the model may be asked in one turn: tools, then words. */
const MOST_ROUNDS = 4;
/** Messages the model is reminded of. */
const MEMORY = 24;

export const { describe, answer } = agent({
  name: "reception",
  version: "0.1.0",
  languages: ["fr-FR", "en-GB"],
  capabilities: ["model", "calendar", "transfer"],
  answer(call) {
    report.status("abandoned");
    const text = both(call);
    try {
      greet(call);
      if (!model.available()) throw new Over("trouble");
      converse(call, new Desk(call));
    } catch (stop) {
      if (stop instanceof Refusal) return handOver(call, "trouble");
      if (!(stop instanceof Over)) throw stop;
      switch (stop.how) {
        case "gone":
          return stop.settled ? "done" : "abandoned";
        case "goodbye":
          say(text("Merci de votre appel. Au revoir.", "Thank you for calling. Goodbye."));
          if (!stop.settled) report.status("resolved");
          hangUp();
          return "done";
        default:
          return handOver(call, stop.how);
      }
    }
    return handOver(call, "long");
  },
});

function greet(call: Call): void {
  const text = both(call);
  const name = call.setting("company.name") ?? text("l'accueil", "the front desk");
  say(
    text(
      `Bonjour, ${name}. Je suis une intelligence artificielle. Cet appel peut être enregistré.`,
      `Hello, this is ${name}. I am an artificial intelligence. This call may be recorded.`,
    ),
    { bargeIn: "never" },
  );
  const agreed = askUntil(text("Êtes-vous d'accord ?", "Do you agree?"), {
    again: text("D'accord pour être enregistré, oui ou non ?", "Do you agree to the recording, yes or no?"),
    tries: 2,
  }).yesNo();
  if (agreed.end === "hung-up") throw new Over("gone");
  try {
    consent(agreed.end === "answer" && agreed.answer);
  } catch (refused) {
    // Where the line leaves no choice, that is the host's word.
    if (!(refused instanceof Refusal)) throw refused;
  }
  if (agreed.end === "human") throw new Over("human");
  say(text("Que puis-je faire pour vous ?", "What can I do for you?"));
}

/** Listens and has the model answer, until somebody ends it: every end is an {@link Over}. */
function converse(call: Call, desk: Desk): void {
  const history: model.Message[] = [];
  let silences = 0;
  for (let turns = 0; turns < MOST_TURNS; turns += 1) {
    const turn = listen({ patience: 8000 });
    if (turn.kind === "hung-up") throw new Over("gone", desk.settled);
    if (turn.kind === "silence" || (turn.kind === "speech" && understanding.isNoise(turn.text))) {
      silences += 1;
      if (silences === 3) throw new Over("goodbye", desk.settled);
      say(both(call)("Je vous écoute.", "I am listening."));
      continue;
    }
    silences = 0;
    const said = turn.kind === "digits" ? turn.keys : turn.text;
    // A human is never the model's to refuse, and an emergency never its to handle.
    const intents = understanding.intents(said);
    if (said === "0" || intents.includes("human") || intents.includes("emergency")) throw new Over("human");
    history.push({ role: "user", text: said.slice(0, 500) });
    respond(call, desk, history);
    // The rules stay; of what was said, the latest. A tool's result never stands without its call.
    while (history.length > MEMORY || (history.length > 0 && history[0]?.role !== "user")) history.shift();
  }
}

/** The model's answer to one turn: tools as often as allowed, then words. */
function respond(call: Call, desk: Desk, history: model.Message[]): void {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const { heard, generated } = model.reply([{ role: "system", text: rules(call) }, ...history], {
      tools: TOOLS,
      maxTokens: 160,
      temperature: 0.2,
    });
    // What the caller heard is what was said.
    history.push({ role: "assistant", text: heard.text, toolCalls: generated.toolCalls });
    if (generated.toolCalls.length === 0) {
      if (generated.text.trim() === "") throw new Over("trouble");
      return;
    }
    for (const wanted of generated.toolCalls) {
      history.push({ role: "tool", id: wanted.id, content: desk.use(wanted) });
    }
  }
  throw new Over("trouble");
}

function handOver(call: Call, why: Ended): Outcome {
  const text = both(call);
  const announce = {
    human: text("Je vous passe quelqu'un, ne quittez pas.", "I will put you through to somebody, please hold."),
    long: text("Je vous passe quelqu'un pour la suite, ne quittez pas.", "Somebody will go on from here, please hold."),
    trouble: text(
      "J'ai un souci technique. Je vous passe quelqu'un, ne quittez pas.",
      "I have a technical problem. I will put you through, please hold.",
    ),
  }[why === "gone" || why === "goodbye" ? "human" : why];
  try {
    switch (transfer("", announce)) {
      case "answered":
        report.status("handed-over");
        return "transferred";
      case "caller-gone":
        return "abandoned";
    }
  } catch (refused) {
    if (!(refused instanceof Refusal)) throw refused;
  }
  say(text("Personne n'est libre ; on vous rappellera. Au revoir.", "Nobody is free; somebody will call you back. Goodbye."));
  report.status("call-back");
  hangUp();
  return "call-back";
}
