"""Speaking, listening, handing over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wit_world.imports import call as host
from wit_world.imports.call import BargeIn, Expecting, Heard

from .refusal import asked


@dataclass(frozen=True)
class Speech:
    """What the caller said."""

    text: str
    #: From 0 (a guess) to 1 (certain); 0.5 where the provider does not say.
    confidence: float
    #: BCP 47.
    language: str
    #: Whether the caller began while the agent was still speaking.
    over_agent: bool


@dataclass(frozen=True)
class Digits:
    """Keys pressed: 0 to 9, * and #."""

    keys: str


@dataclass(frozen=True)
class Silence:
    """Nothing was said or pressed within the caller's time."""


@dataclass(frozen=True)
class HungUp:
    """The caller is gone. Every later turn says so again."""


Turn = Speech | Digits | Silence | HungUp


@dataclass(frozen=True)
class Reply:
    """A question's end: what the caller heard of it, and what came back."""

    heard: Heard
    turn: Turn


class Transferred(Enum):
    """What became of handing the caller over."""

    #: Somebody took the call: the agent's part is over.
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    CALLER_GONE = "caller-gone"


_TRANSFERRED = {
    host.Transferred_Answered: Transferred.ANSWERED,
    host.Transferred_Busy: Transferred.BUSY,
    host.Transferred_NoAnswer: Transferred.NO_ANSWER,
    host.Transferred_CallerGone: Transferred.CALLER_GONE,
}


def say(text: str, *, barge_in: BargeIn = BargeIn.BY_SPEECH, language: str | None = None) -> Heard:
    """Says it, and returns what was heard of it when it was played or interrupted."""
    return asked(host.say, text, host.SayOptions(barge_in, language))


def ask(
    question: str,
    *,
    expecting: Expecting = Expecting.ANYTHING,
    patience: float = 6.0,
    max_digits: int = 0,
    finish_on: str | None = None,
    barge_in: BargeIn = BargeIn.BY_SPEECH,
    language: str | None = None,
) -> Reply:
    """Says it and listens from the first syllable: one turn of conversation.

    `expecting` steers the end of the turn; `patience` is how long the caller may stay silent, in
    seconds, 0.5 to 60; a turn of keys ends after `max_digits` (0 for no limit) or at `finish_on`.
    """
    options = _listening(expecting, patience, max_digits, finish_on, language)
    heard, turn = asked(host.ask, question, host.SayOptions(barge_in, language), options)
    return Reply(heard, _turn(turn))


def listen(
    *,
    expecting: Expecting = Expecting.ANYTHING,
    patience: float = 6.0,
    max_digits: int = 0,
    finish_on: str | None = None,
    language: str | None = None,
) -> Turn:
    """Waits for the caller's turn; see `ask`."""
    return _turn(asked(host.listen, _listening(expecting, patience, max_digits, finish_on, language)))


def play(sound: str, *, barge_in: BargeIn = BargeIn.BY_SPEECH) -> Heard:
    """Plays a sound file of the tenant."""
    return asked(host.play, sound, host.SayOptions(barge_in, None))


def transfer(to: str = "", announce: str | None = None) -> Transferred:
    """Hands the caller over, after an optional sentence. An empty `to` is the line's own fallback
    number."""
    return _TRANSFERRED[type(asked(host.transfer, to, announce))]


def consent(granted: bool) -> None:
    """States the caller's answer about recording and keeping a transcript."""
    asked(host.consent, granted)


def pause_recording() -> None:
    """Nothing is recorded, transcribed, logged or sent to a provider until `resume_recording`."""
    asked(host.pause_recording)


def resume_recording() -> None:
    """Opens again what `pause_recording` closed, and never more."""
    asked(host.resume_recording)


def hang_up() -> None:
    """Ends the call. Speaking and listening afterwards behave as after the caller's own hang-up."""
    host.hang_up()


def _listening(
    expecting: Expecting, patience: float, max_digits: int, finish_on: str | None, language: str | None
) -> host.ListenOptions:
    return host.ListenOptions(round(patience * 1000), expecting, max_digits, finish_on, language)


def _turn(turn: host.Turn) -> Turn:
    match turn:
        case host.Turn_Speech(value):
            return Speech(value.text, value.confidence, value.language, value.over_agent)
        case host.Turn_Digits(value):
            return Digits(value)
        case host.Turn_Silence():
            return Silence()
        case _:
            return HungUp()
