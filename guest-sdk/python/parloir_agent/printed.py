"""What is printed goes to the call's journal, line by line: a component has no standard output."""

from __future__ import annotations

import io
import sys

from . import log

#: Characters of a line that has not ended; so many are a note by themselves, as they would be cut.
_LONGEST = 2000


class Printed(io.TextIOBase):
    """A stream whose lines are notes."""

    def __init__(self, level: log.Level) -> None:
        self._level = level
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *whole, self._line = (self._line + text).split("\n")
        for line in whole:
            self._note(line)
        if len(self._line) > _LONGEST:
            self.end()
        return len(text)

    def end(self) -> None:
        """Notes what of a line there is."""
        line, self._line = self._line, ""
        self._note(line)

    def _note(self, line: str) -> None:
        if line:
            log.write(self._level, line)


_streams = (Printed(log.Level.INFO), Printed(log.Level.WARN))


def begin() -> None:
    """From here on what is printed is noted."""
    sys.stdout, sys.stderr = _streams


def end() -> None:
    """What was printed is all that there is. What Python itself prints of an exception is told otherwise."""
    for stream in _streams:
        stream.end()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
