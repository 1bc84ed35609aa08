"""What a caller means by what was transcribed, and how to say things back, in French and English.

The language is the call's unless another is named. What cannot be understood is `None`, never a guess.
It is the host's, and the same for agents of every language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wit_world.imports import understanding as host
from wit_world.imports.types import Weekday
from wit_world.imports.understanding import CallerName, Conjunction, Intent, Quantity, Relative

from . import clock, current
from .moment import local, maybe_local, maybe_moment

__all__ = [
    "Any",
    "CallerName",
    "Choice",
    "Conjunction",
    "Intent",
    "Neither",
    "Offer",
    "Quantity",
    "Rather",
    "Relative",
    "Unclear",
    "Wish",
    "Yes",
    "amount",
    "around",
    "choose",
    "choose_moment",
    "digits",
    "fits",
    "intents",
    "is_noise",
    "language_of",
    "name",
    "number",
    "once",
    "phone",
    "refine",
    "relative_wish",
    "say_date",
    "say_list",
    "say_moment",
    "say_number",
    "say_phone",
    "say_spelled",
    "say_time",
    "when",
    "yes_no",
]


@dataclass(frozen=True)
class Wish:
    """Which moments suit a caller. What is absent does not constrain."""

    #: Midnight of the first day that suits.
    start: datetime | None = None
    #: Midnight of the first day that no longer suits.
    until: datetime | None = None
    #: Only these days; empty for any.
    weekdays: list[Weekday] = field(default_factory=list)
    #: In minutes after midnight.
    earliest: int | None = None
    #: In minutes after midnight.
    latest: int | None = None
    #: The very time asked for, in minutes after midnight.
    at: int | None = None


@dataclass(frozen=True)
class Offer:
    """That one: its place in the list, from 0."""

    index: int


@dataclass(frozen=True)
class Any:
    """Any of them suits."""


@dataclass(frozen=True)
class Neither:
    """None of them suits."""


@dataclass(frozen=True)
class Rather:
    """A moment that was not offered."""

    wish: Wish


@dataclass(frozen=True)
class Yes:
    """A yes to more than one offer, or to nothing in particular."""


@dataclass(frozen=True)
class Unclear:
    """Nothing that can be understood."""


#: What a caller makes of some offers.
Choice = Offer | Any | Neither | Rather | Yes | Unclear


def yes_no(text: str, language: str | None = None) -> bool | None:
    """Whether the caller says yes; `None` for neither, for both, and for "I do not know"."""
    return host.yes_no(text, _language(language))


def digits(text: str, language: str | None = None) -> str:
    """The digits dictated, in order, after a "+" where one was said; empty when there are none."""
    return host.digits(text, _language(language))


def number(text: str, language: str | None = None) -> int | None:
    """The first whole number said, in letters or in figures."""
    return host.number(text, _language(language))


def amount(text: str, language: str | None = None) -> Quantity | None:
    """How much the caller says, in whole units."""
    return host.amount(text, _language(language))


def when(text: str, language: str | None = None, now: datetime | None = None) -> Wish | None:
    """Which days and times the caller wishes, from now."""
    wish = host.when(text, _language(language), local(now or clock.now()))
    return None if wish is None else _wish(wish)


def refine(wish: Wish, newer: Wish) -> Wish:
    """A wish after a newer one: what the newer does not speak of stays."""
    return _wish(host.refine(_raw(wish), _raw(newer)))


def around(wish: Wish, minutes: int) -> Wish:
    """A wish with its very time as a span of so many minutes before and after."""
    return _wish(host.around(_raw(wish), minutes))


def fits(wish: Wish, moment: datetime) -> bool:
    """Whether a moment suits."""
    return host.fits(_raw(wish), local(moment))


def phone(text: str, language: str | None = None, home: str | None = None) -> str | None:
    """The telephone number dictated or keyed, as E.164; a national one is of the line's country."""
    return host.phone(text, _language(language), home or current.line)


def name(text: str, language: str | None = None) -> CallerName | None:
    """The caller's name, said or spelled."""
    return host.name(text, _language(language))


def choose(text: str, options: Sequence[str], language: str | None = None) -> Choice:
    """Which of the options, given as they were spoken, the caller takes."""
    return _choice(host.choose(text, _language(language), list(options)))


def choose_moment(
    text: str, offers: Sequence[datetime], language: str | None = None, now: datetime | None = None
) -> Choice:
    """Which of the moments on offer the caller takes."""
    moments = [local(offer) for offer in offers]
    return _choice(host.choose_moment(text, _language(language), moments, local(now or clock.now())))


def intents(text: str, language: str | None = None) -> list[Intent]:
    """Everything the caller is after, most pressing first."""
    return host.intents(text, _language(language))


def relative_wish(text: str, language: str | None = None) -> Relative | None:
    """Whether the caller wants something earlier, later, or on another day."""
    return host.relative_wish(text, _language(language))


def is_noise(text: str) -> bool:
    """Whether a text is no speech at all."""
    return host.is_noise(text)


def once(text: str) -> str:
    """A text with each sentence once."""
    return host.once(text)


def language_of(text: str) -> str | None:
    """The language of a text, "fr-FR" or "en-GB"."""
    return host.language_of(text)


def say_date(date: datetime, language: str | None = None) -> str:
    """ "mardi 24 novembre"."""
    return host.say_date(local(date), _language(language))


def say_time(time: datetime, language: str | None = None) -> str:
    """ "15 heures 30"."""
    return host.say_time(local(time), _language(language))


def say_moment(moment: datetime, now: datetime | None = None, language: str | None = None) -> str:
    """ "mardi 24 novembre à 15 heures 30"; with `now`, a near moment is said so: "demain à midi"."""
    return host.say_moment(local(moment), maybe_local(now), _language(language))


def say_number(number: int, language: str | None = None) -> str:
    """ "quinze mille"."""
    return host.say_number(number, _language(language))


def say_phone(phone: str, language: str | None = None) -> str:
    """ "06, 12, 34, 56, 78"."""
    return host.say_phone(phone, _language(language))


def say_spelled(text: str) -> str:
    """ "A, 7, K, 2, P, 9"."""
    return host.say_spelled(text)


def say_list(items: Sequence[str], conjunction: Conjunction, language: str | None = None) -> str:
    """ "lundi, mardi ou jeudi"."""
    return host.say_list(list(items), conjunction, _language(language))


def _language(language: str | None) -> str:
    return current.language if language is None else language


def _wish(raw: host.Wish) -> Wish:
    return Wish(
        maybe_moment(raw.from_), maybe_moment(raw.until), raw.weekdays, raw.earliest, raw.latest, raw.at
    )


def _raw(wish: Wish) -> host.Wish:
    start, until = maybe_local(wish.start), maybe_local(wish.until)
    return host.Wish(start, until, wish.weekdays, wish.earliest, wish.latest, wish.at)


def _choice(raw: host.Choice) -> Choice:
    match raw:
        case host.Choice_Offer(index):
            return Offer(index)
        case host.Choice_Rather(wish):
            return Rather(_wish(wish))
        case host.Choice_Any():
            return Any()
        case host.Choice_Neither():
            return Neither()
        case host.Choice_Yes():
            return Yes()
        case _:
            return Unclear()
