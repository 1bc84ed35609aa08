"""What the author of a telephone agent imports.

An agent is a plain sequential program: it says, listens, asks, decides, and returns how the call
ended. There is nothing to await: the host parks the agent while the caller thinks. What the host does
not do is raised as a :class:`Refusal`; a hang-up is a turn like any other.

    from parloir_agent import Call, Expecting, HungUp, Outcome, Speech, agent, ask, say, understanding

    @agent(name="greeter", version="0.1.0", languages=["en-GB"])
    def answer(call: Call) -> Outcome:
        name = call.setting("name") or "the office"
        reply = ask(f"Good morning, this is {name}. Shall somebody ring you back?", expecting=Expecting.YES_NO)
        match reply.turn:
            case HungUp():
                return Outcome.ABANDONED
            case Speech(text=text) if understanding.yes_no(text):
                say("Thank you. Goodbye.")
                return Outcome.CALL_BACK
            case _:
                say("Goodbye.")
                return Outcome.DONE
"""

from . import calendar, clock, connectors, documents, log, memory, model, random, report, understanding
from .again import Answer, Answered, AskUntil, End, Said, ask_until
from .agent import Call, Direction, Failed, Outcome, agent
from .conversation import (
    BargeIn,
    Digits,
    Expecting,
    Heard,
    HungUp,
    Reply,
    Silence,
    Speech,
    Transferred,
    Turn,
    ask,
    consent,
    hang_up,
    listen,
    pause_recording,
    play,
    resume_recording,
    say,
    transfer,
)
from .refusal import Refusal, RefusalKind

__all__ = [
    "Answer",
    "Answered",
    "AskUntil",
    "BargeIn",
    "Call",
    "Digits",
    "Direction",
    "End",
    "Expecting",
    "Failed",
    "Heard",
    "HungUp",
    "Outcome",
    "Refusal",
    "RefusalKind",
    "Reply",
    "Said",
    "Silence",
    "Speech",
    "Transferred",
    "Turn",
    "agent",
    "ask",
    "ask_until",
    "calendar",
    "clock",
    "connectors",
    "consent",
    "documents",
    "hang_up",
    "listen",
    "log",
    "memory",
    "model",
    "pause_recording",
    "play",
    "random",
    "report",
    "resume_recording",
    "say",
    "transfer",
    "understanding",
]
