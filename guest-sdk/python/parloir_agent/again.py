"""One question until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from . import clock, current
from . import understanding as u
from .conversation import BargeIn, Digits, Expecting, HungUp, Speech, ask
from .understanding import Intent

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """The caller answered."""

    value: T


class End(Enum):
    """Why there is no answer."""

    #: The caller wants a human being.
    HUMAN = "human"
    GOODBYE = "goodbye"
    #: Nothing was ever said.
    SILENT = "silent"
    MISUNDERSTOOD = "misunderstood"
    HUNG_UP = "hung-up"


#: How a question ended.
Answered = Answer[T] | End


@dataclass(frozen=True)
class Said:
    """What was said, or the keys pressed."""

    text: str
    keys: bool
    language: str


@dataclass(frozen=True)
class _Kind(Generic[T]):
    read: Callable[[Said], T | None]
    expecting: Expecting = Expecting.ANYTHING
    max_digits: int = 1
    finish_on: str | None = None
    patience: float = 6.0
    #: Key 0 is part of the answer, and no wish for a human.
    zero: bool = False
    #: Words that are an answer are one before they are a wish for a human.
    answer_first: bool = False
    #: Any words are an answer, so that "pardon?" must be looked for first.
    open: bool = False


def ask_until(
    question: str,
    *,
    again: str | Sequence[str] = (),
    tries: int = 3,
    language: str | None = None,
    barge_in: BargeIn = BargeIn.BY_SPEECH,
    patience: float | None = None,
) -> AskUntil:
    """One question until it is answered: `ask_until("Souhaitez-vous une visite ?").yes_no()`. Asking
    again, a caller who wants a human or leaves, "pardon?" and "one moment" are looked after.

    `again` are other words, in order; `tries` the failures that end it, 1 to 10; `patience`, in seconds,
    suits the kind of answer by default.
    """
    words = [again] if isinstance(again, str) else list(again)
    return AskUntil(question, words, tries, language or current.language, barge_in, patience)


@dataclass(frozen=True)
class AskUntil:
    """What `ask_until` makes: one method for each kind of answer."""

    question: str
    again: list[str]
    tries: int
    language: str
    barge_in: BargeIn
    patience: float | None

    def yes_no(self) -> Answered[bool]:
        """Yes or no, or key 1 or 2."""

        def read(said: Said) -> bool | None:
            if said.keys:
                return {"1": True, "2": False}.get(said.text)
            return u.yes_no(said.text, said.language)

        return self._until(_Kind(read, Expecting.YES_NO))

    def choose(self, options: Sequence[str]) -> Answered[u.Choice]:
        """One of the options, given as they are spoken: `Offer`, `Any` or `Neither`."""
        most = 2 if len(options) > 9 else 1
        return self._until(
            _Kind(
                lambda said: _taken(u.choose(said.text, options, said.language)),
                max_digits=most,
                answer_first=True,
            )
        )

    def choose_moment(self, offers: Sequence[datetime]) -> Answered[u.Choice]:
        """One of the moments on offer: `Offer`, `Any`, `Neither` or `Rather`."""
        now = clock.now()
        return self._until(
            _Kind(
                lambda said: _taken(u.choose_moment(said.text, offers, said.language, now)), Expecting.DATE
            )
        )

    def when(self) -> Answered[u.Wish]:
        """A day or a time."""
        now = clock.now()
        return self._until(
            _Kind(lambda said: None if said.keys else u.when(said.text, said.language, now), Expecting.DATE)
        )

    def phone(self) -> Answered[str]:
        """A telephone number, as E.164."""
        return self._dictated(lambda said: u.phone(said.text, said.language), 0)

    def digits(self, least: int, most: int | None = None) -> Answered[str]:
        """So many digits, said or keyed."""
        most = least if most is None else most

        def read(said: Said) -> str | None:
            digits = u.digits(said.text, said.language).replace("+", "")
            return digits if least <= len(digits) <= most else None

        return self._dictated(read, most)

    def number(self) -> Answered[int]:
        """A whole number."""
        return self._counted(lambda said: u.number(said.text, said.language))

    def amount(self) -> Answered[u.Quantity]:
        """A sum."""
        return self._counted(lambda said: u.amount(said.text, said.language))

    def name(self) -> Answered[u.CallerName]:
        """The caller's name."""
        return self._until(
            _Kind(
                lambda said: None if said.keys else u.name(said.text, said.language),
                Expecting.NAME,
                patience=10.0,
                open=True,
            )
        )

    def read(self, read: Callable[[Said], T | None]) -> Answered[T]:
        """What a function of your own makes of it; `None` is no answer."""
        return self._until(_Kind(read))

    def _dictated(self, read: Callable[[Said], T | None], most: int) -> Answered[T]:
        return self._until(_Kind(read, Expecting.DIGITS, most, "#", 10.0, zero=True))

    def _counted(self, read: Callable[[Said], T | None]) -> Answered[T]:
        return self._until(_Kind(read, Expecting.ANYTHING, 0, "#", 10.0, zero=True))

    def _until(self, kind: _Kind[T]) -> Answered[T]:
        usual = kind.patience if self.patience is None else self.patience
        french = self.language.startswith("fr")
        words = asked = self.question
        patience = usual
        failures = interludes = 0
        anything_said = False
        while True:
            turn = ask(
                words,
                expecting=kind.expecting,
                patience=patience,
                max_digits=kind.max_digits,
                finish_on=kind.finish_on,
                barge_in=self.barge_in,
                language=self.language,
            ).turn
            patience = usual
            said = None
            match turn:
                case HungUp():
                    return End.HUNG_UP
                case Digits(keys):
                    said = Said(keys, True, self.language)
                case Speech(text) if not u.is_noise(text):
                    said = Said(text, False, self.language)
                case _:
                    pass
            if said is not None:
                if said.keys and said.text == "0" and not kind.zero:
                    return End.HUMAN
                intents = [] if said.keys else u.intents(said.text, self.language)
                human = Intent.HUMAN in intents or Intent.EMERGENCY in intents
                if human and not kind.answer_first:
                    return End.HUMAN
                interlude = next((i for i in intents if i in (Intent.REPEAT, Intent.WAIT)), None)
                answer = None if kind.open and interlude else kind.read(said)
                if answer is not None:
                    return Answer(answer)
                if human:
                    return End.HUMAN
                if Intent.GOODBYE in intents:
                    return End.GOODBYE
                if interlude is not None and interludes < 2:
                    interludes += 1
                    if interlude is Intent.REPEAT:
                        words = asked
                    else:
                        words = "Prenez votre temps." if french else "Take your time."
                        patience = 20.0
                    continue
                anything_said = True
            failures += 1
            if failures >= self.tries:
                return End.MISUNDERSTOOD if anything_said else End.SILENT
            if self.again:
                words = self.again[min(failures, len(self.again)) - 1]
            else:
                words = f"{_sorry(said is not None, french)} {self.question}"
            asked = words


def _taken(choice: u.Choice) -> u.Choice | None:
    return None if isinstance(choice, (u.Yes, u.Unclear)) else choice


def _sorry(spoken: bool, french: bool) -> str:
    if spoken:
        return "Pardon, je n'ai pas bien compris." if french else "Sorry, I did not catch that."
    return "Vous êtes toujours là ?" if french else "Are you still there?"
