// Answers the telephone, and notes who wants to be called back.

import { agent, askUntil, consent, hangUp, type Outcome, Refusal, report, say, transfer } from "parloir-agent";

export const { describe, answer } = agent({
  name: "{{name}}",
  version: "0.1.0",
  languages: ["fr-FR"],
  capabilities: ["transfer"],
  answer(call) {
    // A call cut short files this.
    report.status("abandoned");
    const company = call.setting("company.name") ?? "notre société";
    say(`Bonjour, ${company}. Je suis un assistant vocal.`, { bargeIn: "never" });

    const agreed = askUntil("Cet appel peut être enregistré. Êtes-vous d'accord ?", {
      again: "D'accord pour être enregistré, oui ou non ?",
    }).yesNo();
    if (agreed.end === "hung-up") return "abandoned";
    // Where the line leaves no choice, that is the host's word, and the call goes on.
    attempt(() => consent(agreed.end === "answer" && agreed.answer));

    const wanted = askUntil("Souhaitez-vous être rappelé ?", {
      again: "Voulez-vous qu'on vous rappelle, oui ou non ?",
    }).yesNo();
    if (wanted.end === "hung-up") return "abandoned";
    if (wanted.end === "goodbye" || (wanted.end === "answer" && !wanted.answer)) return goodbye();
    if (wanted.end !== "answer") {
      if (attempt(() => transfer("", "Je vous passe quelqu'un, ne quittez pas.")) !== "answered") return callBack();
      report.status("handed-over");
      return "transferred";
    }

    const name = askUntil("À quel nom, s'il vous plaît ?", {
      again: "Épelez votre nom, s'il vous plaît.",
      tries: 2,
    }).name();
    if (name.end === "answer") report.contact({ name: name.answer.text, phone: call.caller });
    return callBack();
  },
});

function goodbye(): Outcome {
  say("Très bien. Bonne journée, au revoir.");
  report.status("resolved");
  hangUp();
  return "done";
}

function callBack(): Outcome {
  say("C'est noté, on vous rappellera. Au revoir.");
  report.status("call-back");
  hangUp();
  return "call-back";
}

/** What the host does, or `undefined` where it refuses. */
function attempt<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (thrown) {
    if (thrown instanceof Refusal) return undefined;
    throw thrown;
  }
}
