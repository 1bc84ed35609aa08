"""Between the contract's civil time and Python's: in the line's time zone, to the minute, without a
zone of its own."""

from __future__ import annotations

from datetime import datetime

from wit_world.imports.types import LocalTime


def moment(time: LocalTime) -> datetime:
    return datetime(time.year, time.month, time.day, time.hour, time.minute)


def local(time: datetime) -> LocalTime:
    return LocalTime(time.year, time.month, time.day, time.hour, time.minute)


def maybe_moment(time: LocalTime | None) -> datetime | None:
    return None if time is None else moment(time)


def maybe_local(time: datetime | None) -> LocalTime | None:
    return None if time is None else local(time)
