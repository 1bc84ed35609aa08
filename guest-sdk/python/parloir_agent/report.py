"""What the tenant reads after the call. Set as the call goes: a call cut short still files what was
known, and a field set again replaces the one before."""

from __future__ import annotations

from wit_world.imports import report as host
from wit_world.imports.report import Status

from .calendar import Appointment, Contact, raw
from .refusal import asked

__all__ = ["Status", "appointment", "contact", "need", "other", "status", "summary"]


def contact(name: str, phone: str | None = None) -> None:
    """Who called."""
    asked(host.set, host.Field_Contact(Contact(name, phone)))


def need(text: str) -> None:
    """What for."""
    asked(host.set, host.Field_Need(text))


def appointment(appointment: Appointment) -> None:
    """The appointment that stands."""
    asked(host.set, host.Field_Appointment(raw(appointment)))


def status(status: Status) -> None:
    """How it went."""
    asked(host.set, host.Field_Status(status))


def summary(text: str) -> None:
    """The call in a sentence or two."""
    asked(host.set, host.Field_Summary(text))


def other(name: str, value: str) -> None:
    """A field of the tenant's own."""
    asked(host.set, host.Field_Other((name, value)))
