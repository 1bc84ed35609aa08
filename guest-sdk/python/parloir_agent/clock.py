"""The only clock there is. It moves at host calls, and the journal holds every reading. Python's own
`time` and `datetime.now` have none."""

from datetime import datetime, timedelta

from wit_world.imports import clock as host

from .moment import moment


def now() -> datetime:
    """Civil time in the line's time zone, to the minute."""
    return moment(host.now())


def weekday() -> int:
    """The day of the week: 1 for Monday to 7 for Sunday."""
    return host.weekday()


def elapsed() -> timedelta:
    """Since the call was answered."""
    return timedelta(milliseconds=host.elapsed())
