"""The only randomness there is, journaled so that a call can be run again. Python's own `random` gives
the same numbers in every call."""

from wit_world.imports import random as host


def token(count: int) -> bytes:
    """So many random bytes, at most 4096."""
    return bytes(host.bytes(count))
