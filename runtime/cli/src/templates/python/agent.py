"""Answers the telephone, and notes who wants to be called back."""

from contextlib import suppress

from parloir_agent import (
    Answer,
    BargeIn,
    Call,
    End,
    Outcome,
    Refusal,
    Transferred,
    agent,
    ask_until,
    consent,
    hang_up,
    report,
    say,
    transfer,
)
from parloir_agent.report import Status


@agent(name="{{name}}", version="0.1.0", languages=["fr-FR"], capabilities=["transfer"])
def answer(call: Call) -> Outcome:
    # A call cut short files this.
    report.status(Status.ABANDONED)
    company = call.setting("company.name") or "notre société"
    say(f"Bonjour, {company}. Je suis un assistant vocal.", barge_in=BargeIn.NEVER)

    agreed = ask_until(
        "Cet appel peut être enregistré. Êtes-vous d'accord ?",
        again="D'accord pour être enregistré, oui ou non ?",
    ).yes_no()
    if agreed is End.HUNG_UP:
        return Outcome.ABANDONED
    # Where the line leaves no choice, that is the host's word, and the call goes on.
    with suppress(Refusal):
        consent(agreed == Answer(True))

    wanted = ask_until(
        "Souhaitez-vous être rappelé ?", again="Voulez-vous qu'on vous rappelle, oui ou non ?"
    ).yes_no()
    match wanted:
        case Answer(True):
            pass
        case Answer(False) | End.GOODBYE:
            return goodbye()
        case End.HUNG_UP:
            return Outcome.ABANDONED
        case _:
            return hand_over()

    name = ask_until(
        "À quel nom, s'il vous plaît ?", again="Épelez votre nom, s'il vous plaît.", tries=2
    ).name()
    if isinstance(name, Answer):
        report.contact(name.value.text, call.caller)
    return call_back()


def hand_over() -> Outcome:
    with suppress(Refusal):
        if transfer("", "Je vous passe quelqu'un, ne quittez pas.") is Transferred.ANSWERED:
            report.status(Status.HANDED_OVER)
            return Outcome.TRANSFERRED
    return call_back()


def goodbye() -> Outcome:
    say("Très bien. Bonne journée, au revoir.")
    report.status(Status.RESOLVED)
    hang_up()
    return Outcome.DONE


def call_back() -> Outcome:
    say("C'est noté, on vous rappellera. Au revoir.")
    report.status(Status.CALL_BACK)
    hang_up()
    return Outcome.CALL_BACK
