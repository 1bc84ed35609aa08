"""Makes every call of the contract once, passing on what it is answered, in the order of ../go/main.go:
the tests hold all to the same host calls. Or fails, as the line's setting `fail` says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from parloir_agent import (
    BargeIn,
    Call,
    Digits,
    Direction,
    Expecting,
    HungUp,
    Outcome,
    Refusal,
    Silence,
    Speech,
    Transferred,
    Turn,
    agent,
    ask,
    calendar,
    clock,
    consent,
    documents,
    hang_up,
    listen,
    log,
    memory,
    model,
    pause_recording,
    play,
    random,
    report,
    resume_recording,
    say,
    transfer,
)
from parloir_agent import connectors, understanding as u
from parloir_agent.calendar import Appointment, Contact, Slot, Weekday
from parloir_agent.report import Status, other as note


@agent(
    name="every-call",
    version="0.1.0",
    languages=["fr-FR", "en-GB"],
    capabilities=["model", "calendar", "memory", "documents", "connectors", "transfer"],
)
def answer(call: Call) -> Outcome:
    match call.setting("fail"):
        case "panic":
            raise ValueError("asked to panic")
        case "undefined":
            return [Outcome.DONE][len(call.id)]
        case "give-up":
            say("refuse")
        case "print":
            import sys

            print("un thé,\nprêt", 7)
            print("beside", file=sys.stderr, flush=True)
            print("unfinished", end="")
            return Outcome.DONE
    conversation(call)
    appointments()
    stores()
    services(call)
    models()
    understanding(call)
    around()
    hang_up()
    return Outcome.CALL_BACK


def yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def at(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M")


def refused(ask: Callable[[], object]) -> str:
    """ "ok", or why not."""
    try:
        ask()
    except Refusal as refusal:
        return f"{refusal.kind.value.replace('-', ' ')}: {refusal.reason}"
    return "ok: "


def turned(turn: Turn) -> str:
    match turn:
        case Speech(text, confidence, language, over_agent):
            return f"{text} in {language}, {yes(over_agent)} over the agent, {confidence}"
        case Digits(keys):
            return f"keys {keys}"
        case Silence():
            return "silence"
        case HungUp():
            return "hung up"


def conversation(call: Call) -> None:
    outbound = yes(call.direction is Direction.OUTBOUND)
    note("call", f"{call.id} {outbound} {call.line} {call.caller or 'withheld'} {at(call.started_at)}")
    note("setting", call.setting("padded") or "none")
    note("no setting", call.setting("blank") or "none")
    heard = say("Bonjour.", barge_in=BargeIn.NEVER, language="fr-FR")
    note("heard", f"{heard.text} {yes(heard.whole)} {heard.played}")
    note("say", refused(lambda: say("refuse")))
    play("chime", barge_in=BargeIn.BY_KEYS)
    reply = ask("Combien ?", expecting=Expecting.DIGITS, patience=8, max_digits=4, finish_on="#")
    note("reply", f"{reply.heard.text}; {turned(reply.turn)}")
    for _ in range(3):
        note("turn", turned(listen()))
    if transfer("+33100000001", "Un instant.") is not Transferred.BUSY:
        raise ValueError("a busy line")
    note("transfer", refused(transfer))
    consent(True)
    note("consent", refused(lambda: consent(False)))
    pause_recording()
    resume_recording()


def appointed(a: Appointment) -> str:
    slot = f"{a.slot.id} at {at(a.slot.start)} for {a.slot.minutes} min"
    return f"{a.reference}, {slot}, {a.contact.name} {a.contact.phone}, {a.motive}"


def appointments() -> None:
    slots = calendar.free(
        start=datetime(2026, 11, 24),
        weekdays=[Weekday.TUESDAY, Weekday.SUNDAY],
        earliest=540,
        latest=720,
        limit=5,
    )
    second = slots[1]
    note("slots", f"{len(slots)}, {second.id} at {at(second.start)} for {second.minutes} min")
    note("free", refused(calendar.free))
    booked = calendar.book(second, Contact("Jean Dupont", "+33612345678"), "projet")
    if booked is None:
        raise ValueError("a free slot")
    note("booked", f"yes {appointed(booked)}")
    other = Slot("other", second.start, second.minutes)
    note("moved", yes(calendar.move(booked.reference, other) is not None))
    found = calendar.find("+33612345678")
    note("found", f"{len(found)} {appointed(found[0])}")
    note("cancelled", yes(calendar.cancel("A7K2P9")))
    report.contact("Jean Dupont")
    report.need("besoin")
    report.appointment(booked)
    report.status(Status.OUT_OF_SCOPE)
    report.summary("résumé")


def stores() -> None:
    note("there", (memory.get("there") or b"").decode())
    note("absent", "none" if memory.get("absent") is None else "some")
    memory.put("key", b"value")
    note("exchanged", yes(memory.compare_and_set("key", b"value", b"new")))
    memory.compare_and_set("key", None, b"new")
    memory.delete("key")
    names = documents.names()
    note("documents", f"{len(names)} {names[0]} {names[1]}")
    note("document", documents.read(names[0]))
    passages = documents.search("tarif", 3)
    first = passages[0]
    note("passage", f"{len(passages)} {first.document} {first.text} {first.score}")


def services(call: Call) -> None:
    names = connectors.names()
    note("connectors", f"{len(names)} {names[0] if names else 'none'}")

    def answered(ask: Callable[[], connectors.Answer]) -> str:
        try:
            answer = ask()
        except Refusal as refusal:
            return f"{refusal.kind.value.replace('-', ' ')}: {refusal.reason}"
        return f"{answer.status} {answer.body}"

    phone = call.caller or ""
    note("customer", answered(lambda: connectors.get("crm", "customers/42", query={"phone": phone})))
    soon = [("soon", "oui & non"), ("soon", "")]
    note("visit", answered(lambda: connectors.post("crm", "visits", query=soon, json={"day": "mardi"})))


def models() -> None:
    note("model", yes(model.available()))
    messages = [
        model.System("be brief"),
        model.User("hello"),
        model.Assistant("", [model.ToolCall("1", "slots", "{}")]),
        model.ToolResult("1", "none"),
    ]
    tool = model.Tool("slots", "free slots", {"type": "object"})
    answer = model.chat(messages, tools=[tool], max_tokens=100, temperature=0.25)
    asked, usage = answer.tool_calls[0], answer.usage
    note(
        "chat",
        f"{answer.text} {asked.name}({asked.arguments}) {answer.finish.value}"
        f" {usage.input_tokens} {usage.output_tokens} {answer.model}",
    )
    spoken = model.reply(messages[:1], language="en-GB")
    note("reply", f"{spoken.heard.text} of {spoken.generated.text}")


def wished(w: u.Wish) -> str:
    days = sum(1 << day.value for day in w.weekdays)
    start, until = at(w.start) if w.start else "", at(w.until) if w.until else ""
    return f"{start} to {until}, {days}, {w.earliest or 0}-{w.latest or 0}, {yes(w.at is not None)} {w.at or 0}"


CHOICES = [u.Offer, u.Any, u.Neither, u.Rather, u.Yes, u.Unclear]


def understanding(call: Call) -> None:
    fr = "fr-FR"
    now = clock.now()

    def answered(text: str) -> str:
        said = u.yes_no(text, fr)
        return "unclear" if said is None else yes(said)

    note("yes", answered("oui, bien sûr"))
    note("unclear", answered("je ne sais pas"))
    note("digits", u.digits("zéro six, douze", fr))
    note("number", str(u.number("quinze mille", fr)))
    amount = u.amount("au moins deux mille euros", fr)
    assert amount is not None
    note("amount", f"{yes(amount.least is not None)} {amount.least} {yes(amount.most is not None)} {amount.currency}")
    first, second = u.when("mardi après-midi", fr, now), u.when("à 15h30", fr, now)
    assert first is not None and second is not None
    note("wish", wished(first))
    both = u.refine(first, second)
    note("both", wished(both))
    note("around", wished(u.around(both, 60)))
    note("fits", yes(u.fits(both, datetime(2026, 11, 24, 15, 30))))
    refused(lambda: calendar.free(both))
    note("phone", u.phone("06 12 34 56 78", fr, call.line) or "none")
    note("no phone", u.phone("12", fr, call.line) or "none")
    name = u.name("Jean Dupont", fr)
    assert name is not None
    note("name", f"{name.text} {yes(name.spelled)}")
    options = ["ce mois-ci", "plus tard"]
    choice = u.choose("plus tard", options, fr)
    note("choice", f"{CHOICES.index(type(choice))} {choice.index if isinstance(choice, u.Offer) else 0}")
    offers = [datetime(2026, 11, 24, 10), datetime(2026, 11, 25, 10)]
    moment = u.choose_moment("plutôt vendredi", offers, fr, now)
    note("moment", f"{CHOICES.index(type(moment))} {wished(moment.wish) if isinstance(moment, u.Rather) else ''}")
    intents = u.intents("je voudrais parler à un conseiller, au revoir", fr)
    note("intents", f"{len(intents)} {sum(1 << intent.value for intent in intents):x}")
    relative = u.relative_wish("plus tôt", fr)
    note("relative", str(relative.value) if relative else "none")
    note("noise", yes(u.is_noise("[Musique]")))
    note("once", u.once("Bonjour. Bonjour. Bonjour."))
    note("language", u.language_of("I would like to speak to somebody about the house") or "none")
    note("date", u.say_date(offers[0], fr))
    note("time", u.say_time(offers[0], fr))
    note("moment", u.say_moment(offers[0], now, fr))
    note("then", u.say_moment(offers[0], None, fr))
    note("number", u.say_number(15000, fr))
    note("phone", u.say_phone("+33612345678", fr))
    note("spelled", u.say_spelled("A7K2P9"))
    note("list", u.say_list(options, u.Conjunction.OR, fr))


def around() -> None:
    now, weekday = clock.now(), clock.weekday()
    note("now", f"{at(now)}, day {weekday}, {round(clock.elapsed().total_seconds() * 1000)} ms")
    some = random.token(4)
    note("random", f"{len(some)} {some.hex()}")
    log.debug("a note")
    log.warn("  -42|42   |-0042|x|%")

