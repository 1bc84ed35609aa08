"""One question until it is answered, or twice asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from parloir_agent import BargeIn, Call, Digits, Expecting, HungUp, Silence, ask, say, understanding
from parloir_agent.understanding import Intent

T = TypeVar("T")


class Gone(Exception):
    """The caller left."""


class Human(Exception):
    """The caller wants a human being."""


class Lost(Exception):
    """Two topics in a row had no answer."""


class Talk:
    def __init__(self, call: Call) -> None:
        self.call = call
        self.french = call.language.startswith("fr")
        self.language = call.language if call.language.startswith(("fr", "en")) else "en-GB"
        #: Whether the question of recording has been answered.
        self.settled = False
        self._lead = ""
        self._unanswered = 0

    def both(self, french: str, english: str) -> str:
        return french if self.french else english

    def tell(self, french: str, english: str) -> None:
        """Says it in one breath with what comes next."""
        self._lead = self.led(self.both(french, english))

    def led(self, text: str) -> str:
        """What was to be told, and `text`."""
        led = f"{self._lead} {text}" if self._lead else text
        self._lead = ""
        return led

    def say(self, french: str, english: str, barge_in: BargeIn = BargeIn.BY_SPEECH) -> None:
        say(self.led(self.both(french, english)), barge_in=barge_in, language=self.language)

    def confirm(self, question: str, short: str) -> bool | None:
        def read(text: str, keys: bool) -> bool | None:
            return {"1": True, "2": False}.get(text) if keys else understanding.yes_no(text, self.language)

        return self.ask(question, short, read, expecting=Expecting.YES_NO, max_digits=1)

    def ask(
        self,
        question: str,
        short: str,
        read: Callable[[str, bool], T | None],
        *,
        expecting: Expecting = Expecting.ANYTHING,
        max_digits: int = 0,
        finish_on: str | None = None,
    ) -> T | None:
        """`read` is given the words, or the keys, and gives `None` for nothing that answers."""
        for text in (self.led(question), short):
            turn = ask(
                text,
                expecting=expecting,
                patience=7,
                max_digits=max_digits,
                finish_on=finish_on,
                language=self.language,
            ).turn
            match turn:
                case HungUp():
                    raise Gone
                case Silence():
                    continue
                case Digits(said):
                    keys = True
                case _:
                    said, keys = turn.text, False
            if not keys and understanding.is_noise(said):
                continue
            if not keys and Intent.HUMAN in understanding.intents(said, self.language):
                raise Human
            answer = read(said, keys)
            if answer is not None:
                self._unanswered = 0
                return answer
        self._unanswered += 1
        if self._unanswered == 2:
            raise Lost
        return None
