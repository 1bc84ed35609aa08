"""The tenant's appointments. Two callers never get one slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from wit_world.imports import calendar as host
from wit_world.imports.calendar import Contact
from wit_world.imports.types import Weekday

from .moment import local, maybe_local, moment
from .refusal import asked
from .understanding import Wish

__all__ = ["Appointment", "Contact", "Slot", "Weekday", "book", "cancel", "find", "free", "move"]


@dataclass(frozen=True)
class Slot:
    """A time that can be booked."""

    id: str
    start: datetime
    minutes: int


@dataclass(frozen=True)
class Appointment:
    """An appointment that stands."""

    #: Short enough to read aloud: six letters and digits.
    reference: str
    slot: Slot
    contact: Contact
    motive: str


def free(
    wish: Wish | None = None,
    *,
    start: datetime | None = None,
    until: datetime | None = None,
    weekdays: Sequence[Weekday] = (),
    earliest: int | None = None,
    latest: int | None = None,
    limit: int = 2,
) -> list[Slot]:
    """The free slots that are wanted, soonest first; what is absent does not constrain. `earliest` and
    `latest` are minutes after midnight; `wish` is what `understanding.when` made of the caller's words.
    """
    if wish is not None:
        start, until, weekdays = wish.start, wish.until, wish.weekdays
        earliest = wish.earliest if wish.at is None else wish.at
        latest = wish.latest if wish.at is None else wish.at + 1
    wanted = host.Wanted(maybe_local(start), maybe_local(until), list(weekdays), earliest, latest, limit)
    return [_slot(slot) for slot in asked(host.free, wanted)]


def book(slot: Slot, contact: Contact, motive: str) -> Appointment | None:
    """Books a slot; `None` when somebody was quicker."""
    return _booked(asked(host.book, slot.id, contact, motive))


def find(phone: str) -> list[Appointment]:
    """The coming appointments under a telephone number, E.164."""
    return [_appointment(appointment) for appointment in asked(host.find, phone)]


def move(reference: str, slot: Slot) -> Appointment | None:
    """Moves an appointment: either it has the new slot or, `None`, it keeps the old one."""
    return _booked(asked(host.move, reference, slot.id))


def cancel(reference: str) -> bool:
    """Cancels an appointment; `False` when there is none of that reference."""
    return asked(host.cancel, reference)


def _slot(slot: host.Slot) -> Slot:
    return Slot(slot.id, moment(slot.start), slot.minutes)


def _appointment(raw: host.Appointment) -> Appointment:
    return Appointment(raw.reference, _slot(raw.slot), raw.contact, raw.motive)


def _booked(booked: host.Booked) -> Appointment | None:
    return _appointment(booked.value) if isinstance(booked, host.Booked_Confirmed) else None


def raw(appointment: Appointment) -> host.Appointment:
    """As the contract wants it."""
    slot = host.Slot(appointment.slot.id, local(appointment.slot.start), appointment.slot.minutes)
    return host.Appointment(appointment.reference, slot, appointment.contact, appointment.motive)
