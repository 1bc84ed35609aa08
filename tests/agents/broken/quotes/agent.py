"""Speaks of vos documents. and of the calendar. a lot, and uses neither."""

from own.desk import keep
from parloir_agent import Call, Outcome, agent, consent, report, say, transfer
from parloir_agent.report import Status

documents = ["vos documents."]


@agent(name="quotes", version="0.1.0", languages=["fr-FR"], capabilities=["transfer"])
def answer(call: Call) -> Outcome:
    documents.append(call.line)
    # model.chat() would be a call of the host.
    say(f"Apportez vos documents. {documents[0].upper()} Votre mémoire, model.chat() et calendar.free()")
    keep(call.id)
    report.status(Status.ABANDONED)
    consent(True)
    transfer("", None)
    return Outcome.TRANSFERRED
