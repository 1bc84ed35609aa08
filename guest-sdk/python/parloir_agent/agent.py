"""The agent's side: who it is, and how it answers a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal, TypeVar

from . import log, printed
from .refusal import Refusal

#: An ability beyond the conversation itself: refused unless named and granted by the line.
Capability = Literal["model", "calendar", "memory", "documents", "connectors", "transfer"]


class Direction(Enum):
    """Who rang whom."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Outcome(Enum):
    """How the call ended. An agent that gives up returns `Failed` instead."""

    #: The conversation came to its end.
    DONE = "done"
    #: A human has the caller.
    TRANSFERRED = "transferred"
    #: Somebody has to ring back.
    CALL_BACK = "call-back"
    #: The caller left.
    ABANDONED = "abandoned"


@dataclass(frozen=True)
class Failed:
    """The agent gives up, and says why: the host looks after the caller."""

    reason: str


@dataclass(frozen=True)
class Call:
    """The call being answered."""

    #: The call's random identifier. It says nothing about anybody.
    id: str
    direction: Direction
    #: The line that rang, E.164.
    line: str
    #: The caller's number, E.164; `None` when withheld.
    caller: str | None
    #: The line's first language, BCP 47.
    language: str
    started_at: datetime
    #: The tenant's settings for this line.
    settings: Mapping[str, str]

    def setting(self, name: str) -> str | None:
        """The tenant's setting of this name; `None` where it is absent or blank."""
        return self.settings.get(name, "").strip() or None


Answer = Callable[[Call], "Outcome | Failed | None"]
A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Described:
    """What `@agent` was told."""

    name: str
    version: str
    languages: list[str]
    capabilities: list[str]
    answer: Answer


registered: list[Described] = []


def agent(
    *, name: str, version: str, languages: Sequence[str], capabilities: Sequence[Capability] = ()
) -> Callable[[A], A]:
    """Makes a function the agent: it answers one call, from the first word to the last. Once per
    component. `languages` are BCP 47 tags, best first; returning nothing is `Outcome.DONE`.

    What the function raises reaches the call's journal with its place, and the host looks after the
    caller.
    """

    def register(answer: A) -> A:
        registered.append(Described(name, version, list(languages), list(capabilities), answer))
        return answer

    return register


def answered(described: Described, call: Call) -> Outcome | Failed:
    """Answers, and notes what went wrong if anything did.

    A refusal that is not dealt with ends the agent's part as failed. Anything else is a bug and no ending
    that the agent chose: it traps, as in every language.
    """
    printed.begin()
    try:
        outcome = described.answer(call) or Outcome.DONE
        printed.end()
        if not isinstance(outcome, Outcome | Failed):
            raise TypeError(f"answer returned {outcome!r}, which is no outcome")
        return outcome
    except Refusal as refusal:
        printed.end()
        log.error(_described(refusal))
        return Failed(str(refusal))
    except BaseException as error:
        printed.end()
        log.error(_described(error))
        raise


def _described(error: BaseException) -> str:
    """What was raised, and where: the author's own lines, innermost first."""
    # By hand: the module `traceback` looks for the sources, and there are no files here.
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "parloir_agent" not in code.co_filename:
            places.insert(0, f"  at {code.co_name} ({code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno})")
        trace = trace.tb_next
    return "\n".join([f"{type(error).__name__}: {error}", *places[:8]])
