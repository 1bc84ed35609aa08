"""What the host did not do, and why."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import ParamSpec, TypeVar

from componentize_py_types import Err
from wit_world.imports import types as wit

P = ParamSpec("P")
R = TypeVar("R")


class RefusalKind(Enum):
    """The line does not grant it; a quota is used up; the thing is not there or its provider failed;
    the arguments are out of range."""

    NOT_PERMITTED = "not-permitted"
    OVER_QUOTA = "over-quota"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"


_KINDS = {
    wit.Refusal_NotPermitted: RefusalKind.NOT_PERMITTED,
    wit.Refusal_OverQuota: RefusalKind.OVER_QUOTA,
    wit.Refusal_Unavailable: RefusalKind.UNAVAILABLE,
    wit.Refusal_Invalid: RefusalKind.INVALID,
}


class Refusal(Exception):
    """What the host did not do. Nothing happened, and the agent may go on."""

    def __init__(self, kind: RefusalKind, reason: str) -> None:
        super().__init__(f"{kind.value.replace('-', ' ')}: {reason}")
        self.kind = kind
        #: Why, in the host's words: how to be allowed, or what to change.
        self.reason = reason


def asked(ask: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Does what may be refused, and raises what is as a `Refusal`."""
    try:
        return ask(*args, **kwargs)
    except Err as error:
        kind = _KINDS.get(type(error.value))
        if kind is None:
            raise
        raise Refusal(kind, error.value.value) from None
