"""Qualifies a lead in four questions, scores it, and acts: ../README.md is the script."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from parloir_agent import (
    BargeIn,
    Call,
    Expecting,
    Outcome,
    Refusal,
    Transferred,
    agent,
    calendar,
    clock,
    consent,
    hang_up,
    report,
    transfer,
    understanding,
)
from parloir_agent.calendar import Appointment, Contact, Slot
from parloir_agent.report import Status
from parloir_agent.understanding import Any, Neither, Offer, Rather, Yes
from talk import Gone, Human, Lost, Talk

T = TypeVar("T")


@agent(
    name="qualification",
    version="0.1.0",
    languages=["fr-FR", "en-GB"],
    capabilities=["calendar", "transfer"],
)
def answer(call: Call) -> Outcome:
    talk = Talk(call)
    try:
        return qualify(talk)
    except Gone:
        return Outcome.ABANDONED
    except (Human, Lost) as stop:
        return hand_over(talk, lost=isinstance(stop, Lost))


@dataclass(frozen=True)
class Lead:
    need: str | None
    budget: int | None
    delay: str | None
    decider: bool | None


def qualify(talk: Talk) -> Outcome:
    report.status(Status.ABANDONED)
    greet(talk)
    lead = Lead(need(talk), budget(talk), delay(talk), decider(talk))
    score = points(talk.call, lead)
    if score >= threshold(talk.call, "score.hot", 70):
        temperature = "hot"
    elif score >= threshold(talk.call, "score.warm", 40):
        temperature = "warm"
    else:
        temperature = "cold"
    file(talk, lead, score, temperature)
    if temperature == "cold":
        return cold(talk)
    contact = who(talk)
    if temperature == "hot" and (outcome := hot(talk)) is not None:
        return outcome
    return warm(talk, lead, contact)


def greet(talk: Talk) -> None:
    name = talk.call.setting("company.name") or talk.both("notre société", "our company")
    talk.say(
        f"Bonjour, {name}. Je suis un assistant vocal, une intelligence artificielle."
        " Cet appel peut être enregistré.",
        f"Hello, this is {name}. I am a voice assistant, an artificial intelligence."
        " This call may be recorded.",
        BargeIn.NEVER,
    )
    agreed = talk.confirm(
        talk.both(
            "Acceptez-vous d'être enregistré ? Dites oui ou non, ou tapez 1 ou 2.",
            "Do you agree to be recorded? Say yes or no, or press 1 or 2.",
        ),
        talk.both(
            "Acceptez-vous que l'appel soit enregistré ? Oui ou non.",
            "Do you agree to the recording? Yes or no.",
        ),
    )
    settle(talk, bool(agreed))
    report.other("recording", "accepted" if agreed else "refused")
    if not agreed:
        talk.tell("Très bien, rien ne sera enregistré.", "Very well, nothing will be recorded.")


def settle(talk: Talk, agreed: bool) -> None:
    """Where the line's policy leaves no choice, that is the host's word."""
    talk.settled = True
    attempt(lambda: consent(agreed))


def need(talk: Talk) -> str | None:
    def read(text: str, keys: bool) -> str | None:
        said = understanding.once(text).strip().rstrip(".").rstrip()
        return None if keys or len(said) < 3 else said[:200]

    text = talk.ask(
        talk.both("Quel est votre projet, en quelques mots ?", "What is your project, in a few words?"),
        talk.both("Que recherchez-vous ?", "What are you looking for?"),
        read,
    )
    if text is not None:
        report.need(text)
    return text


def budget(talk: Talk) -> int | None:
    def read(text: str, keys: bool) -> int | None:
        amount = understanding.amount(text, talk.language)
        if amount is None:
            return None
        return amount.least if amount.most is None else amount.most

    euros = talk.ask(
        talk.both("Quel budget prévoyez-vous, en euros ?", "What budget do you have in mind, in euros?"),
        talk.both(
            "Un ordre de grandeur suffit : combien d'euros ?", "A rough figure will do: how many euros?"
        ),
        read,
        expecting=Expecting.DIGITS,
        finish_on="#",
    )
    report.other("budget", unknown(euros))
    return euros


DELAYS = ("month", "quarter", "later")


def delay(talk: Talk) -> str | None:
    if talk.french:
        options = ["ce mois-ci", "dans les trois mois", "plus tard"]
    else:
        options = ["this month", "within three months", "later"]

    def read(text: str, keys: bool) -> str | None:
        if keys:
            return dict(zip("123", DELAYS)).get(text)
        match understanding.choose(text, options, talk.language):
            case Offer(index):
                return DELAYS[index]
            case _:
                return None

    delay = talk.ask(
        talk.both(
            "Pour quand : ce mois-ci, dans les trois mois, ou plus tard ?",
            "For when: this month, within three months, or later?",
        ),
        talk.both(
            "Tapez 1 pour ce mois-ci, 2 pour dans les trois mois, 3 pour plus tard.",
            "Press 1 for this month, 2 for within three months, 3 for later.",
        ),
        read,
        max_digits=1,
    )
    report.other("delay", unknown(delay))
    return delay


def decider(talk: Talk) -> bool | None:
    decides = talk.confirm(
        talk.both("Est-ce vous qui prenez la décision ?", "Is the decision yours?"),
        talk.both("Décidez-vous vous-même, oui ou non ?", "Do you decide yourself, yes or no?"),
    )
    report.other("decider", unknown(decides))
    return decides


def points(call: Call, lead: Lead) -> int:
    points = 0 if lead.need is None else 20
    if (lead.budget or 0) >= threshold(call, "budget.good", 10_000):
        points += 30
    elif (lead.budget or 0) >= threshold(call, "budget.fair", 3_000):
        points += 15
    points += {"month": 25, "quarter": 15}.get(lead.delay or "", 0)
    return points + (25 if lead.decider else 0)


def threshold(call: Call, setting: str, otherwise: int) -> int:
    said = call.setting(setting) or ""
    return int(said) if re.fullmatch(r"[0-9]{1,9}", said) else otherwise


def file(talk: Talk, lead: Lead, score: int, temperature: str) -> None:
    report.other("score", str(score))
    report.other("class", temperature)
    need, budget, delay, decider = map(unknown, (lead.need, lead.budget, lead.delay, lead.decider))
    report.summary(
        talk.both(
            f"{need}. Budget {budget}, délai {delay}, décideur {decider}. Score {score}, {temperature}.",
            f"{need}. Budget {budget}, delay {delay}, decider {decider}. Score {score}, {temperature}.",
        )
    )


def cold(talk: Talk) -> Outcome:
    talk.say(
        "Merci, j'ai bien noté votre projet. Nous n'avons pas d'offre adaptée pour l'instant ;"
        " rappelez-nous quand il avancera. Au revoir.",
        "Thank you, I have noted your project. We have no suitable offer for now;"
        " call us again when it moves forward. Goodbye.",
    )
    report.status(Status.OUT_OF_SCOPE)
    hang_up()
    return Outcome.DONE


def who(talk: Talk) -> Contact:
    def read_name(text: str, keys: bool) -> str | None:
        name = None if keys else understanding.name(text, talk.language)
        return name.text if name else None

    name = talk.ask(
        talk.both("À quel nom, s'il vous plaît ?", "What name is it, please?"),
        talk.both("Épelez votre nom, s'il vous plaît.", "Please spell your name."),
        read_name,
        expecting=Expecting.NAME,
    )
    phone = talk.call.caller or talk.ask(
        talk.both("À quel numéro peut-on vous rappeler ?", "On which number can we call you back?"),
        talk.both(
            "Dites-le chiffre par chiffre, ou tapez-le puis dièse.",
            "Say it digit by digit, or type it and then the hash key.",
        ),
        lambda text, keys: understanding.phone(text, talk.language),
        expecting=Expecting.DIGITS,
        finish_on="#",
    )
    contact = Contact(name or talk.both("inconnu", "unknown"), phone)
    report.contact(contact.name, contact.phone)
    return contact


def hot(talk: Talk) -> Outcome | None:
    """An adviser at once; `None` when none is free."""
    announce = talk.both(
        "Merci. Je vous passe un conseiller, ne quittez pas.",
        "Thank you. I will put you through to an adviser, please hold.",
    )
    match attempt(lambda: transfer("", talk.led(announce))):
        case Transferred.ANSWERED:
            report.status(Status.HANDED_OVER)
            return Outcome.TRANSFERRED
        case Transferred.CALLER_GONE:
            return Outcome.ABANDONED
        case _:
            talk.tell("Personne n'est libre tout de suite.", "Nobody is free just now.")
            return None


def warm(talk: Talk, lead: Lead, contact: Contact) -> Outcome:
    for _ in range(2):
        offers = attempt(lambda: calendar.free(limit=2)) or []
        slot = choose(talk, offers) if offers else None
        if slot is None:
            return call_back(talk)
        try:
            booked = calendar.book(slot, contact, unknown(lead.need))
        except Refusal:
            return call_back(talk)
        if booked is not None:
            return confirm(talk, booked)
        talk.tell("Ce créneau vient d'être pris.", "That time has just been taken.")
    return call_back(talk)


def choose(talk: Talk, offers: list[Slot]) -> Slot | None:
    now = clock.now()
    said = [understanding.say_moment(slot.start, now, talk.language) for slot in offers]
    if len(said) == 1:
        question = talk.both(
            f"Un conseiller peut vous rappeler {said[0]}. Cela vous convient ?",
            f"An adviser can call you {said[0]}. Does that suit you?",
        )
        short = talk.both("Oui ou non ?", "Yes or no?")
    else:
        question = talk.both(
            f"Un conseiller peut vous rappeler {said[0]}, ou {said[1]}. Lequel préférez-vous ?",
            f"An adviser can call you {said[0]}, or {said[1]}. Which do you prefer?",
        )
        short = talk.both("Le premier ou le deuxième ?", "The first or the second?")

    def read(text: str, keys: bool) -> int | None:
        """A place in the list; one beyond it means that none suits."""
        if keys:
            return {"1": 0, "2": 1}.get(text)
        match understanding.choose_moment(text, [slot.start for slot in offers], talk.language):
            case Offer(index):
                return index
            case Any():
                return 0
            case Yes() if len(offers) == 1:
                return 0
            case Neither() | Rather():
                return len(offers)
            case _:
                return None

    place = talk.ask(question, short, read, expecting=Expecting.DATE, max_digits=1)
    return None if place is None or place >= len(offers) else offers[place]


def confirm(talk: Talk, appointment: Appointment) -> Outcome:
    report.appointment(appointment)
    report.status(Status.BOOKED)
    at = understanding.say_moment(appointment.slot.start, language=talk.language)
    reference = understanding.say_spelled(appointment.reference)
    talk.say(
        f"C'est noté : {at}, référence {reference}. Merci et au revoir.",
        f"It is booked: {at}, reference {reference}. Thank you and goodbye.",
    )
    hang_up()
    return Outcome.DONE


def call_back(talk: Talk) -> Outcome:
    talk.say(
        "Un conseiller vous rappellera. Merci et au revoir.",
        "An adviser will call you back. Thank you and goodbye.",
    )
    report.status(Status.CALL_BACK)
    hang_up()
    return Outcome.CALL_BACK


def hand_over(talk: Talk, *, lost: bool) -> Outcome:
    if not talk.settled:
        settle(talk, False)
    if lost:
        announce = talk.both(
            "Je n'arrive pas à vous comprendre. Je vous passe quelqu'un, ne quittez pas.",
            "I am having trouble understanding. I will put you through, please hold.",
        )
    else:
        announce = talk.both(
            "Je vous passe quelqu'un, ne quittez pas.", "I will put you through to somebody, please hold."
        )
    match attempt(lambda: transfer("", talk.led(announce))):
        case Transferred.ANSWERED:
            report.status(Status.HANDED_OVER)
            return Outcome.TRANSFERRED
        case Transferred.CALLER_GONE:
            return Outcome.ABANDONED
        case _:
            return call_back(talk)


def unknown(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def attempt(ask: Callable[[], T]) -> T | None:
    """What the host does, or `None` where it refuses."""
    try:
        return ask()
    except Refusal:
        return None
