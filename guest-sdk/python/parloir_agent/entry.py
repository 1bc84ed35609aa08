"""What the component exports. `parloir build` writes the three lines that use it."""

from __future__ import annotations

import gc
from types import ModuleType

import wit_world
from wit_world.imports.call import CallInfo
from wit_world.imports.call import Direction as RawDirection

from . import current
from .agent import Call, Direction, Failed, Outcome, answered, registered
from .moment import moment

_OUTCOMES = {
    Outcome.DONE: wit_world.Outcome_Done,
    Outcome.TRANSFERRED: wit_world.Outcome_Transferred,
    Outcome.CALL_BACK: wit_world.Outcome_CallBack,
    Outcome.ABANDONED: wit_world.Outcome_Abandoned,
}
_DIRECTIONS = {RawDirection.INBOUND: Direction.INBOUND, RawDirection.OUTBOUND: Direction.OUTBOUND}


def exported(module: ModuleType) -> type:
    """The class the contract wants, for the agent that a module registered."""
    match registered:
        case [described]:
            pass
        case []:
            raise SystemExit(f"{module.__name__}: no function is decorated with @agent(name=…, version=…, languages=[…])")
        case _:
            names = ", ".join(described.name for described in registered)
            raise SystemExit(f"{module.__name__}: a component is one agent, and here are several: {names}")

    class WitWorld(wit_world.WitWorld):
        def describe(self) -> wit_world.Description:
            return wit_world.Description(
                described.name, described.version, described.languages, described.capabilities
            )

        def answer(self, info: CallInfo) -> wit_world.Outcome:
            current.language, current.line = info.language, info.line
            call = Call(
                info.id,
                _DIRECTIONS[info.direction],
                info.line,
                info.caller,
                info.language,
                moment(info.started_at),
                dict(info.settings),
            )
            outcome = answered(described, call)
            if isinstance(outcome, Failed):
                return wit_world.Outcome_Failed(outcome.reason)
            return _OUTCOMES[outcome]()

    # What stands now is in the snapshot that every call starts from. The collector leaves it alone: looking through it
    # writes to each object, and a page that was written is a call's own.
    gc.collect()
    gc.freeze()
    return WitWorld
